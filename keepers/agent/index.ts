// SPDX-License-Identifier: GPL-3.0-or-later
// The public face of the agent, a keeper's process: its configuration, the daemon, and the operations of its owner and operator.

export { CONFIG_FILE, type KeeperConfig, loadConfig, parseConfig } from './config.ts'
export { createLog, type DaemonOptions, runKeeper } from './daemon.ts'
export { AgentError, type AgentErrorCode, KEEPER_EXIT, keeperExitCode } from './errors.ts'
export type { Health } from './health-server.ts'
export { backUp, restore } from './operations/backup.ts'
export type { Check } from './operations/check.ts'
export { examineKeeper } from './operations/doctor.ts'
export { type InitOptions, type InitResult, initKeeper } from './operations/init.ts'
export { exportLogs, openLogFiles } from './operations/logs.ts'
export {
  claimRewards,
  type OwnerAccount,
  type OwnerSession,
  openOwnerSession,
  registerKeeperOnChain,
  unbondKeeper,
  unjailKeeper,
} from './operations/owner.ts'
export { exportProtection, importProtection, readRecord } from './operations/protection.ts'
export { rotateOperator } from './operations/rotate.ts'
export {
  firstBlockOf,
  renewManifest,
  serviceManifest,
  serviceStart,
  serviceStrategy,
} from './operations/service-manifest.ts'
export { type Conviction, convictionsOf, type KeeperStatus, keeperStatus } from './operations/status.ts'
export { operatorAddress } from './operator.ts'
export { dutiesOf } from './slices/duties.ts'
export { PUBLISHED_STATE, STATES, type StateName } from './states.ts'
export { drawnFrom } from './steps/open-draft.ts'
export { ROUND_TIMES } from './timing.ts'
