/** The page comes to life: what the server drew is taken over as it is. */
import { hydrate } from 'preact';
import { App } from '../App.tsx';
import type { PageData } from '../App.tsx';
import { ChartContext } from '../parts/chart.ts';
import { drawChart } from './drawChart.ts';

const root = document.getElementById('page');
const data = document.getElementById('data');
if (root !== null && data !== null) {
  document.documentElement.classList.add('scripted');
  hydrate(
    <ChartContext.Provider value={drawChart}>
      <App data={JSON.parse(data.textContent) as PageData} />
    </ChartContext.Provider>,
    root,
  );
}
