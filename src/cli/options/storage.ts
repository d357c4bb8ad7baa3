/** The options that say where the data is. */
import { Option } from 'commander';

/** What every command that touches data takes. */
export interface CommonOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly json?: boolean;
}

export const configOption = (): Option =>
  new Option('--config <file>', 'JSON file with settings and participants (or BALDE_CONFIG)');

const PRECEDENCE = 'wins over DATABASE_URL, which wins over DATA_DIR (.balde by default)';

/** @param about what is said of it, where it isn't the usual precedence */
export const dataDirOption = (about = PRECEDENCE): Option =>
  new Option('--data-dir <dir>', `folder of the embedded database; ${about}`);
