// SPDX-License-Identifier: GPL-3.0-or-later
import process from 'node:process'
import { toJson } from './chain-command.ts'

/** Reports a daemon's event in one line: JSON on stdout with `json`, otherwise words on stderr. */
export function report(
  options: { readonly json?: boolean },
  event: string,
  fields: Readonly<Record<string, unknown>>,
): void {
  const time = new Date().toISOString()
  if (options.json) {
    process.stdout.write(`${toJson({ time, event, ...fields }).replaceAll(/\n */g, ' ')}\n`)
    return
  }
  const words = Object.entries(fields).map(([name, value]) => `${name}=${String(value)}`)
  process.stderr.write(`${time} ${event} ${words.join(' ')}\n`)
}
