// SPDX-License-Identifier: GPL-3.0-or-later
import { KeystoreError } from '../chain/index.ts'
import { VersionError } from '../versions/index.ts'

/** Exit codes of `cohort keeper run` by cause, after sysexits.h: a supervisor restarts on 69 and 75, never on the rest. */
export const KEEPER_EXIT = {
  /** Stopped as asked. */
  ok: 0,
  /** A bug: report it. */
  software: 70,
  /** Bad command line. */
  usage: 64,
  /** The data folder, the shard or the keystore cannot be used. */
  data: 65,
  /** Network or chain out of reach for too long. */
  unavailable: 69,
  /** Disk full, or another resource that may come back. */
  temporary: 75,
  /** Wrong passphrase, foreign keys, another process with the same key. */
  noPermission: 77,
  /** The config file is wrong. */
  config: 78,
} as const

export type AgentErrorCode =
  | 'CONFIG'
  | 'NO_KEYS'
  | 'NO_ACCOUNT'
  | 'NOT_REGISTERED'
  | 'DOPPELGANGER'
  | 'CLOCK_SKEW'
  | 'PLAN'
  | 'DATA'
  | 'BAD_BLOB'
  | 'WORKER'

const EXITS: Readonly<Record<AgentErrorCode, number>> = {
  CONFIG: KEEPER_EXIT.config,
  NO_KEYS: KEEPER_EXIT.noPermission,
  NO_ACCOUNT: KEEPER_EXIT.usage,
  NOT_REGISTERED: KEEPER_EXIT.config,
  DOPPELGANGER: KEEPER_EXIT.noPermission,
  CLOCK_SKEW: KEEPER_EXIT.config,
  PLAN: KEEPER_EXIT.config,
  DATA: KEEPER_EXIT.data,
  BAD_BLOB: KEEPER_EXIT.data,
  WORKER: KEEPER_EXIT.software,
}

export const AGENT_ERROR_CODES = Object.keys(EXITS) as readonly AgentErrorCode[]

/** A failure of the agent; one line that says the fix. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentErrorCode
  readonly exitCode: number

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = EXITS[code]
  }
}

/** The exit code for whatever ended the daemon, by the codes of the rooms below. */
export function keeperExitCode(error: unknown): number {
  if (error instanceof AgentError || error instanceof KeystoreError || error instanceof VersionError)
    return error.exitCode
  const code = (error as { code?: unknown }).code
  switch (code) {
    case 'LOCKED':
    case 'WRONG_PASSPHRASE':
    case 'FOREIGN_TRANSACTION':
      return KEEPER_EXIT.noPermission
    case 'WRONG_FOLDER':
    case 'NEWER_SCHEMA':
    case 'WRONG_CHAIN':
    case 'WRONG_CONTRACT':
    case 'BAD_ADDRESS':
      return KEEPER_EXIT.config
    case 'CORRUPT':
      return KEEPER_EXIT.data
    case 'DISK_FULL':
    case 'STORAGE':
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
    case 'UNFUNDED':
    case 'FEE_CAP':
      return KEEPER_EXIT.temporary
    case 'UNREACHABLE':
      return KEEPER_EXIT.unavailable
    default:
      return KEEPER_EXIT.software
  }
}
