// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run index`: runs an index of learning services for the console, by Ponder, until interrupted.
import { resolve } from 'node:path'
import { isAddress } from 'ethers'
import { commandLine, refuse } from '../arguments.ts'
import { runIndex } from './run.ts'

const HELP = `usage: npm run index -- --rpc URL --service ADDRESS [options]

  Reads the logs of services into a database of its own, and answers the console's questions over GraphQL. For services whose log
  is too long to read in a page. The first time, it installs its own dependencies into index/ (npm, some 200 MB).

  --rpc URL          JSON-RPC endpoint, may be repeated
  --service ADDRESS  a learning service, may be repeated
  --from-block N     block of the deployment (default 0)
  --port N           port of its HTTP server (default 42069)
  --host HOST        host on which it listens (default 127.0.0.1)
  --database DIR     folder of its database (default build/index)

  npm run index -- --rpc http://127.0.0.1:8545 --service 0x… --from-block 517
  npm run web -- serve --index http://127.0.0.1:42069/graphql
`

const { values } = commandLine(
  {
    options: {
      rpc: { type: 'string', multiple: true },
      service: { type: 'string', multiple: true },
      'from-block': { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      database: { type: 'string' },
    },
  },
  HELP,
)
const { rpc = [], service: services = [], host = '127.0.0.1', database = 'build/index' } = values
if (rpc.length === 0) refuse('index: --rpc is missing', HELP)
if (services.length === 0) refuse('index: --service is missing', HELP)
for (const url of rpc) {
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '') || url.includes(','))
    refuse(`index: --rpc '${url}' is no http:// or https:// URL`, HELP)
}
for (const address of services) if (!isAddress(address)) refuse(`index: --service '${address}' is no address`, HELP)
const whole = (name: 'from-block' | 'port', usual: number, most: number): number => {
  const number = Number(values[name] ?? usual)
  if (!Number.isInteger(number) || number < 0 || number > most)
    refuse(`index: --${name} '${values[name]}' is no whole number up to ${most}`, HELP)
  return number
}
const [fromBlock, port] = [whole('from-block', 0, Number.MAX_SAFE_INTEGER), whole('port', 42_069, 65_535)]

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
try {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  await runIndex({ rpc, services, fromBlock, port, host, database: resolve(database), signal: stop.signal, say })
} catch (error) {
  process.stderr.write(`index: ${(error as Error).message}\n`)
  process.exitCode = 1
}
