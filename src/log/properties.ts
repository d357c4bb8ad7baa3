/** Properties of messages. */
type Properties = Readonly<Record<string, string>>;

/** Whether both have the same names and values. */
export function hasSame(a: Properties, b: Properties): boolean {
  if (a === b) return true;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
