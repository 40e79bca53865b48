// What the list of devices shows of this one: "Chrome, Android".

interface Brands { brands: { brand: string }[]; platform: string }

const BROWSERS: readonly [RegExp, string][] = [
  [/\bEdg/, 'Edge'], [/\bOPR\//, 'Opera'], [/\bSamsungBrowser\//, 'Samsung Internet'], [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\//, 'Chrome'], [/\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly [RegExp, string][] = [
  [/Android/, 'Android'], [/iPhone|iPod/, 'iPhone'], [/iPad/, 'iPad'], [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'], [/Macintosh/, 'Mac'], [/Linux/, 'Linux'],
];

export function nameDevice(agent: string, hints?: Brands): string {
  const first = (list: readonly [RegExp, string][]): string | undefined => list.find(([is]) => is.test(agent))?.[1];
  const browser = first(BROWSERS);
  const system = hints?.platform || first(SYSTEMS);
  return [browser, system].filter(Boolean).join(', ') || 'Web';
}

export function thisDevice(): { name: string; platform: 'web' } {
  const { userAgent, userAgentData } = navigator as Navigator & { userAgentData?: Brands };
  return { name: nameDevice(userAgent, userAgentData), platform: 'web' };
}
