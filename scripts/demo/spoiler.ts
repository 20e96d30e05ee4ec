// SPDX-License-Identifier: GPL-3.0-or-later
// A keeper that spoils rounds: the real daemon, except that its updates are rubbish under a proof that looks right. The demo runs it as a separate
// process:
//   node scripts/demo/spoiler.ts <data folder>
import process from 'node:process'
import { createLog, loadConfig, runKeeper } from '../../keepers/agent/index.ts'
import { openKeystore, readPassphrase } from '../../keepers/chain/index.ts'
import { falseTraining, forge } from './tamper.ts'

const [folder] = process.argv.slice(2) as [string]
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort(new Error('stopped')))
const config = loadConfig(folder)
const passphrase = await readPassphrase()
const wallet = await openKeystore(config.keys.operator, passphrase)
await runKeeper({
  folder,
  config,
  operatorKey: wallet.privateKey,
  passphrase,
  signal: stop.signal,
  log: createLog('info'),
  behaviours: { Training: falseTraining(forge) },
})
