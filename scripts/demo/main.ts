// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run demo`: the whole system on one machine, every part of it real.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HELP, parseOptions } from './options.ts'
import { formatReport } from './report.ts'
import { runDemo } from './run.ts'

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options === null) {
    process.stdout.write(HELP)
    return 0
  }
  const stop = new AbortController()
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130)
    stop.abort(new Error('interrupted'))
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const folder = await mkdtemp(join(tmpdir(), 'cohort-demo-'))
  try {
    const report = await runDemo(options, folder, stop.signal, async (made) => {
      await writeFile(options.out, `${JSON.stringify(made, null, 2)}\n`)
      process.stdout.write(
        options.json ? `${JSON.stringify(made)}\n` : `\n${formatReport(made)}\n\nThe same as JSON: ${options.out}\n`,
      )
    })
    await rm(folder, { recursive: true, force: true })
    // The demo fails when a keeper has other weights; a proof of a wrong label is still a valid proof.
    return report.rounds.every(({ agreeing }) => agreeing === options.keepers - options.spoilers) ? 0 : 1
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (stop.signal.aborted) return 130
    process.stderr.write(`demo: ${message}\n`)
    const own = error !== null && typeof error === 'object' && 'exitCode' in error ? Number(error.exitCode) : null
    if (own === null) process.stderr.write(`The processes' logs are in ${folder}\n`)
    return own ?? 1
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = error !== null && typeof error === 'object' && 'exitCode' in error ? Number(error.exitCode) : 1
}
