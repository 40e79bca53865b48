// Versions of this client: numbers between dots.

/** Whether `version` comes before `least`. */
export function older(version: string, least: string): boolean {
  const [a, b] = [version, least].map((one) => one.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) < (b[i] ?? 0);
  }
  return false;
}
