//! Cells of the earth's surface, so that near tickets are found without looking at far ones.
//!
//! The earth is cut into rows of equal height, each row into columns. A cell of a level is at least
//! [`LEVELS_KM`] wide and high *as seen from its own and the neighbouring rows*, so everything
//! within that distance of a place lies in its cell or in one of the (at most 8) cells around it.

use super::ticket::Coordinates;

/// Mean radius of the earth.
const EARTH_KM: f64 = 6_371.0;

/// Least width and height of a cell, for each level. Limits beyond the last level are not served by
/// the grid.
pub(super) const LEVELS_KM: [f64; 4] = [8.0, 40.0, 200.0, 1_000.0];

/// One cell. Equal cells of different levels have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    level: u8,
    row: u16,
    column: u16,
}

/// Great-circle distance in km (haversine).
pub(super) fn distance_km(a: Coordinates, b: Coordinates) -> f64 {
    let half_lat = ((b.lat - a.lat).to_radians() / 2.0).sin();
    let half_lon = ((b.lon - a.lon).to_radians() / 2.0).sin();
    let h = half_lat * half_lat
        + a.lat.to_radians().cos() * b.lat.to_radians().cos() * half_lon * half_lon;
    2.0 * EARTH_KM * h.clamp(0.0, 1.0).sqrt().asin()
}

/// The finest level whose cells are at least this wide; the number of levels when none is.
pub(super) fn level_of(km: f64) -> usize {
    LEVELS_KM
        .iter()
        .position(|size| *size >= km)
        .unwrap_or(LEVELS_KM.len())
}

/// The cells that hold `place`, one for each level.
pub(super) fn cells(place: Coordinates) -> impl Iterator<Item = Cell> {
    (0..LEVELS_KM.len()).map(move |level| {
        let grid = Grid::of(level);
        let row = grid.row(place.lat);
        grid.cell(row, grid.column(row, place.lon))
    })
}

/// The cell of `place` on `level` and those around it: everything within the level's distance is in
/// one of them. At most 9, no repetitions.
pub(super) fn around(place: Coordinates, level: usize) -> Vec<Cell> {
    let grid = Grid::of(level);
    let middle = grid.row(place.lat);
    let mut found = Vec::with_capacity(9);
    for row in middle.saturating_sub(1)..=(middle + 1).min(grid.rows - 1) {
        let columns = grid.columns(row);
        let column = grid.column(row, place.lon);
        for beside in [columns - 1, 0, 1] {
            let cell = grid.cell(row, (column + beside) % columns);
            if !found.contains(&cell) {
                found.push(cell);
            }
        }
    }
    found
}

struct Grid {
    level: usize,
    /// Angle of a row's height.
    height_deg: f64,
    rows: u32,
}

impl Grid {
    fn of(level: usize) -> Self {
        let height_deg = (LEVELS_KM[level] / EARTH_KM).to_degrees();
        Self {
            level,
            height_deg,
            rows: whole((180.0 / height_deg).ceil()),
        }
    }

    fn row(&self, lat: f64) -> u32 {
        whole(((lat + 90.0) / self.height_deg).floor()).min(self.rows - 1)
    }

    /// How many columns a row has: as many as keep each wide enough, also seen from the neighbour
    /// row that is nearer to the pole.
    fn columns(&self, row: u32) -> u32 {
        let south = f64::from(row) * self.height_deg - 90.0;
        let farthest = south.abs().max((south + self.height_deg).abs()) + self.height_deg;
        let ratio = (LEVELS_KM[self.level] / (2.0 * EARTH_KM)).sin() / farthest.to_radians().cos();
        if farthest >= 90.0 || ratio >= 1.0 {
            return 1;
        }
        // The greatest difference in longitude of two places of that distance, neither nearer to
        // the pole than `farthest`.
        let widest = 2.0 * ratio.asin();
        whole((std::f64::consts::TAU / widest).floor()).max(1)
    }

    fn column(&self, row: u32, lon: f64) -> u32 {
        let columns = self.columns(row);
        whole(((lon + 180.0) / 360.0 * f64::from(columns)).floor()) % columns
    }

    fn cell(&self, row: u32, column: u32) -> Cell {
        let narrow = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Cell {
            level: u8::try_from(self.level).unwrap_or(u8::MAX),
            row: narrow(row as usize),
            column: narrow(column as usize),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of rows or columns: small, not negative; the cast saturates"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(lat: f64, lon: f64) -> Coordinates {
        Coordinates { lat, lon }
    }

    #[test]
    fn distances_are_those_of_the_earth() {
        let (istanbul, ankara) = (place(41.01, 28.98), place(39.93, 32.86));
        assert!((distance_km(istanbul, ankara) - 350.0).abs() < 5.0);
        assert!(distance_km(istanbul, istanbul) < 1e-9);
        assert!(
            (distance_km(place(0.0, 179.99), place(0.0, -179.99)) - 2.2).abs() < 0.1,
            "across the date line"
        );
        assert!((distance_km(place(90.0, 0.0), place(-90.0, 0.0)) - 20_015.0).abs() < 1.0);
    }

    #[test]
    fn no_cell_number_overflows() {
        for level in 0..LEVELS_KM.len() {
            let grid = Grid::of(level);
            assert!(grid.rows < u32::from(u16::MAX));
            assert!((0..grid.rows).all(|row| grid.columns(row) < u32::from(u16::MAX)));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        /// Two places within a level's distance are always neighbours on that level.
        #[test]
        fn near_places_share_a_neighbourhood(
            lat in -90.0..=90.0f64, lon in -180.0..=180.0f64, north in -1.0..1.0f64, east in -1.0..1.0f64, level in 0..LEVELS_KM.len(),
        ) {
            let size = LEVELS_KM[level];
            let there_lat = (lat + (north * size / EARTH_KM).to_degrees()).clamp(-90.0, 90.0);
            let spread = (east * size / EARTH_KM / lat.to_radians().cos().max(0.01)).to_degrees().clamp(-180.0, 180.0);
            let there_lon = (lon + spread + 540.0).rem_euclid(360.0) - 180.0;
            let (here, there) = (place(lat, lon), place(there_lat, there_lon));
            prop_assume!(distance_km(here, there) <= size);
            let cell = cells(there).nth(level).expect("a cell for each level");
            prop_assert!(around(here, level).contains(&cell));
            prop_assert!(around(here, level).len() <= 9);
        }
    }
}
