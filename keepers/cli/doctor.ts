// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort doctor`: checks what a keeper depends on, and prints a line with the fix for each.
import { join } from 'node:path'
import process from 'node:process'
import type { Command } from 'commander'
import type { Check } from '../agent/index.ts'
import { CommandError, EXIT } from './failure.ts'
import { plainText } from './plain-text.ts'
import { interruptible } from './stopping.ts'

const MARK = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' } as const

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .description(
      'look at everything a keeper depends on: keys, disk, ports, data, endpoints, clock, funds, manifest, peers',
    )
    .option('--data <folder>', 'data folder of the keeper', join(process.env.HOME ?? '.', '.cohort', 'keeper'))
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nIt changes nothing and needs no passphrase. Exit code 1 if a check fails; warnings do not count.',
    )
    .action((options: { data: string; json?: boolean }) => interruptible((signal) => examine(options, signal)))
}

async function examine(
  options: { readonly data: string; readonly json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { examineKeeper } = await import('../agent/index.ts')
  const checks = await examineKeeper({ folder: options.data, signal })
  const failed = checks.filter(({ verdict }) => verdict === 'fail').length
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ healthy: failed === 0, checks })}\n`
      : plainText(`${checks.map(textOf).join('\n')}\n`),
  )
  if (failed > 0) throw new CommandError(`${failed} of ${checks.length} checks failed`, EXIT.failure)
}

function textOf({ name, verdict, found, fix }: Check): string {
  return `${MARK[verdict]}  ${name.padEnd(12)} ${found}${fix === null ? '' : `\n                    → ${fix}`}`
}
