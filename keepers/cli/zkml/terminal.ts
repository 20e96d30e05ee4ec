// SPDX-License-Identifier: GPL-3.0-or-later
import { SCALAR_FIELD } from '../../zkml/bn254.ts'
import { CommandError, EXIT, UsageError } from '../failure.ts'
import { interruptible } from '../stopping.ts'

// Terminal handling that the zkml and ceremony commands share: results on stdout, progress on stderr, Ctrl-C.
export type Terminal = {
  readonly signal: AbortSignal
  /** A line on stderr that the next one replaces when stderr is a terminal; elsewhere only whole steps are printed. */
  progress(message: string): void
  /** The result: JSON when --json was given, else the text. */
  result(json: object, text: string): void
}

/** Runs a command's body with a signal that Ctrl-C and SIGTERM abort. */
export async function withTerminal(
  options: { readonly json?: boolean },
  body: (terminal: Terminal) => Promise<void>,
): Promise<void> {
  const { stderr, stdout } = process
  let last = ''
  const clear = () => {
    if (stderr.isTTY && last !== '') stderr.write('\r\u001b[K')
    last = ''
  }
  const terminal = {
    progress(message: string) {
      if (message === last) return
      if (stderr.isTTY) stderr.write(`\r\u001b[K${message}`)
      // Without a terminal, one line per step: the part before the first digit names the step.
      else if (stepOf(message) !== stepOf(last)) stderr.write(`${message}\n`)
      last = message
    },
    result(json: object, text: string) {
      clear()
      stdout.write(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${text}\n`)
    },
  }
  try {
    await interruptible((signal) => body({ ...terminal, signal }))
  } finally {
    clear()
  }
}

function stepOf(message: string): string {
  return message.split(/\d/, 1)[0]!
}

/** Writes a file, or prints to stdout when no path is given. */
export async function emit(text: string, path: string | undefined): Promise<void> {
  if (path === undefined) {
    process.stdout.write(text)
    return
  }
  const { writeAtomically } = await import('../../zkml/index.ts')
  await writeAtomically(path, text)
}

/** A fraction of 1 as a percentage. */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** A wrong option or argument: exit code 64, and the message lists valid values. */
export function usage(message: string): UsageError {
  return new UsageError(message)
}

/** Bad content of an input file: exit code 65. */
export function badData(message: string): CommandError {
  return new CommandError(message, EXIT.data)
}

export function wholeNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isInteger(value) || value < low || value > high) {
      throw usage(`${name} is '${text}', a whole number from ${low} to ${high} is needed`)
    }
    return value
  }
}

/** A number, whole or not, from `low` to `high`. */
export function finiteNumber(name: string, low: number, high: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!(value >= low && value <= high)) throw usage(`${name} is '${text}', a number from ${low} to ${high} is needed`)
    return value
  }
}

/** Parses NAME=LENGTH and adds it to the earlier ones. */
export function dimension(text: string, before: Readonly<Record<string, number>>): Record<string, number> {
  const at = text.lastIndexOf('=')
  const length = Number(text.slice(at + 1))
  if (at < 1 || !Number.isInteger(length) || length < 1 || length > 2 ** 26)
    throw usage(`--dim is '${text}', NAME=LENGTH with a length from 1 is needed`)
  return { ...before, [text.slice(0, at)]: length }
}

/** Decimal or 0x… hexadecimal. */
export function fieldElement(name: string): (text: string) => bigint {
  return (text) => {
    if (!/^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(text)) throw usage(`${name} is '${text}', no decimal or 0x… number`)
    const value = BigInt(text)
    if (value >= SCALAR_FIELD) throw usage(`${name} is '${text}', must be below the order of the field`)
    return value
  }
}
