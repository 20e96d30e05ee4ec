// SPDX-License-Identifier: GPL-3.0-or-later
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

export const AGENT_EXIT_CODES: Readonly<Record<AgentErrorCode, number>> = {
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

export const AGENT_ERROR_CODES = Object.keys(AGENT_EXIT_CODES) as readonly AgentErrorCode[]

/** A failure of the agent. Its message is one line and names the fix. */
export class AgentError extends Error {
  override readonly name = 'AgentError'
  readonly code: AgentErrorCode
  readonly exitCode: number

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = AGENT_EXIT_CODES[code]
  }
}

/** The system's codes for a full disk, which is a temporary failure. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** The exit code for whatever ended the daemon: the error's own, by its room; a bug where it has none. */
export function keeperExitCode(error: unknown): number {
  const { exitCode, code } = (error ?? {}) as { readonly exitCode?: unknown; readonly code?: unknown }
  if (typeof exitCode === 'number') return exitCode
  return FULL.has(String(code)) ? KEEPER_EXIT.temporary : KEEPER_EXIT.software
}
