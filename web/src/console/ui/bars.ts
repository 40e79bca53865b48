/** A day of a chart. */
export interface Bar {
  /** YYYY-MM-DD */
  day: string;
  /** Null where nothing is known of the day. */
  value: number | null;
  /** What `value` is a part of. */
  of?: number | null;
  /** The day is not over. */
  open: boolean;
}
