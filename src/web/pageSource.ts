/** What pages are drawn from: the API's answers, asked within the process. */
import type { Api } from '../api/api.ts';

export type PageSource = Pick<Api, 'overview' | 'bucket' | 'alert' | 'whatIf'>;
