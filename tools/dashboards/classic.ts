/**
 * The classic model of a dashboard: every Grafana reads it, from a file and when it is imported. The SDK would rather
 * have version 2, which only the newest do.
 */
/* oxlint-disable typescript/no-deprecated */
import { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

export type Page = Dashboard;

export class PageBuilder extends DashboardBuilder {}
