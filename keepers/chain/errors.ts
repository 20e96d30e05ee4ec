// SPDX-License-Identifier: GPL-3.0-or-later
import { type ErrorDescription, type Interface, isError } from 'ethers'

/** Why the chain room refused or failed. */
export type ChainErrorCode =
  | 'REVERTED'
  | 'UNREACHABLE'
  | 'WRONG_CHAIN'
  | 'WRONG_CONTRACT'
  | 'NOT_BUILT'
  | 'UNFUNDED'
  | 'FEE_CAP'
  | 'FOREIGN_TRANSACTION'
  | 'TIMEOUT'

/** sysexits.h: 69 unreachable, 75 temporary failure, 77 belongs to somebody else, 78 wrong configuration. */
export const CHAIN_EXIT_CODES: Record<ChainErrorCode, number> = {
  REVERTED: 1,
  UNREACHABLE: 69,
  WRONG_CHAIN: 78,
  WRONG_CONTRACT: 78,
  NOT_BUILT: 78,
  UNFUNDED: 75,
  FEE_CAP: 75,
  FOREIGN_TRANSACTION: 77,
  TIMEOUT: 75,
}

export class ChainError extends Error {
  override readonly name: string = 'ChainError'
  readonly code: ChainErrorCode
  readonly exitCode: number

  constructor(code: ChainErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.exitCode = CHAIN_EXIT_CODES[code]
  }
}

/** A contract's refusal, with its custom error's name and arguments as declared in the interface. */
export class RevertError extends ChainError {
  override readonly name = 'RevertError'
  /** `InvalidState`, `Error` for a string, `Panic` for a failed assertion, `unknown` when no ABI names it. */
  readonly error: string
  readonly args: Readonly<Record<string, unknown>>
  readonly data: string

  constructor(what: string, error: string, args: Readonly<Record<string, unknown>>, data: string, cause: unknown) {
    super('REVERTED', `${what}: ${error}(${formatArgs(args)})`, { cause })
    this.error = error
    this.args = args
    this.data = data
  }
}

function formatArgs(args: Readonly<Record<string, unknown>>): string {
  return Object.entries(args)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : String(value)}`)
    .join(', ')
}

/** Selectors of Solidity's own two errors. */
const ERROR_STRING = '0x08c379a0'
const PANIC = '0x4e487b71'

/**
 * The revert behind a failed call, decoded with the first interface that knows its selector; null when `error` is not
 * a revert. Nodes put the data in different places (`data`, `error.data`, `info.error.data.data`), so it is searched.
 */
export function decodeRevert(error: unknown, interfaces: readonly Interface[], what: string): RevertError | null {
  if (error instanceof RevertError) return error
  const data = findRevertData(error, 0)
  if (data === null) {
    return isError(error, 'CALL_EXCEPTION') ? new RevertError(what, 'unknown', {}, '0x', error) : null
  }
  for (const candidate of interfaces) {
    const parsed = tryParse(candidate, data)
    if (parsed === null) continue
    const args: Record<string, unknown> = {}
    parsed.fragment.inputs.forEach((input, index) => {
      args[input.name || String(index)] = parsed.args[index]
    })
    return new RevertError(what, parsed.name, args, data, error)
  }
  if (data.startsWith(ERROR_STRING) || data.startsWith(PANIC)) {
    const reason = isError(error, 'CALL_EXCEPTION') ? (error.reason ?? error.shortMessage) : data
    return new RevertError(what, data.startsWith(PANIC) ? 'Panic' : 'Error', { reason }, data, error)
  }
  return new RevertError(what, 'unknown', { selector: data.slice(0, 10) }, data, error)
}

function tryParse(candidate: Interface, data: string): ErrorDescription | null {
  try {
    return candidate.parseError(data)
  } catch {
    return null
  }
}

/** ethers nests the node's answer up to four levels deep. */
const MAX_DEPTH = 5

function findRevertData(value: unknown, depth: number): string | null {
  if (value === null || typeof value !== 'object' || depth > MAX_DEPTH) return null
  const record = value as Record<string, unknown>
  const isReport = 'message' in record || 'code' in record || depth > 0
  if (isReport && typeof record.data === 'string' && /^0x([0-9a-fA-F]{2}){4,}$/.test(record.data)) return record.data
  for (const key of ['data', 'error', 'info', 'cause']) {
    const found = findRevertData(record[key], depth + 1)
    if (found !== null) return found
  }
  return null
}
