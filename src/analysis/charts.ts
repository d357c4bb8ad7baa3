/** All charts. Only what lies in charts/ knows the chart library. */
export { categoryChart } from './charts/categoryChart.ts';
export { explainChart } from './charts/explainChart.ts';
export { HISTORY_SLICES, historyChart } from './charts/historyChart.ts';
export { rankingChart } from './charts/rankingChart.ts';
export { stateChart } from './charts/stateChart.ts';
export type { BucketBar } from './charts/stateChart.ts';
export { whatIfChart } from './charts/whatIfChart.ts';
