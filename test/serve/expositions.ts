/** Reads an exposition. */

/** Series: `name{labels}` with the labels in order of name, to value. */
export function seriesOf(exposition: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    const match = /^([a-z_]+\d*[a-z_]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) continue;
    const labels = [...(match[2] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map((m) => m[0]).sort();
    series.set(`${match[1] ?? ''}{${labels.join(',')}}`, Number(match[3]));
  }
  return series;
}
