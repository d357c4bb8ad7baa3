/** How BACEN judges answers that found nothing: Operational Manual v8.0, 13.2.3. */

/** A rate of fewer queries says little: nobody is judged by less in 24 hours. */
export const MIN_QUERIES = 100;

/** Of which a rate is told. */
export const isTold = ({ queries }: { readonly queries: number }): boolean => queries >= MIN_QUERIES;

/** A participant's 404 rate of 24 hours above which BACEN finds it suspicious. Percent. */
export const SUSPICIOUS_404_PERCENT = 7;
