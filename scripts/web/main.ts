// SPDX-License-Identifier: GPL-3.0-or-later
// `npm run web`: the console for development, as a folder of static files, or served.
import { join, resolve } from 'node:path'
import { commandLine, refuse } from '../arguments.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { buildPage, CONFIG, servePage, siteFiles, siteOf, writeSite } from './site.ts'

const HELP = `usage: npm run web [-- dev|build|serve] [options]

  The console: one page for a service's rounds, its DAO and its model, without a server of its own. It reads the chain over
  JSON-RPC and blobs from IPFS gateways, and signs with the visitor's wallet.

  dev     serve it from the sources, for those who work on it (the default)
  build   write it as static files, for any web host or for IPFS
  serve   build it and serve it on this machine

  --deployment FILE  addresses, as "npx hardhat deploy" wrote them (default deploy/addresses/localhost.json)
  --rpc URL          JSON-RPC endpoint, may be repeated (default http://127.0.0.1:8545)
  --gateway URL      trustless IPFS gateway, such as a keeper with network.gateway; may be repeated
  --index URL        GraphQL endpoint of an index (npm run index), for services whose log is long
  --claims ADDRESS   registry of claims (cohort claim deploy) for the screen of claims
  --circuit FOLDER   a compiled circuit with its key, which visitors may prove; may be repeated
  --out DIR          of build (default build/web)
  --port N           of dev and serve (default 5173)

  npm run web -- build --deployment deploy/addresses/sepolia.json --rpc https://rpc.example.org --gateway https://ipfs.example.org
`

const { values, positionals } = commandLine(
  {
    allowPositionals: true,
    options: {
      deployment: { type: 'string' },
      rpc: { type: 'string', multiple: true },
      gateway: { type: 'string', multiple: true },
      index: { type: 'string' },
      claims: { type: 'string' },
      circuit: { type: 'string', multiple: true },
      out: { type: 'string' },
      port: { type: 'string' },
    },
  },
  HELP,
)
const [what = 'dev', ...rest] = positionals
if (!['dev', 'build', 'serve'].includes(what) || rest.length > 0) {
  refuse(`web: '${[what, ...rest].join(' ')}' is none of dev, build, serve`, HELP)
}
const port = Number(values.port ?? 5173)
if (!Number.isInteger(port) || port < 1 || port > 65_535) refuse(`web: --port '${values.port}' is no port`, HELP)

try {
  const site = await siteOf({
    deployment: resolve(values.deployment ?? join(ROOT, 'deploy/addresses/localhost.json')),
    rpc: values.rpc ?? ['http://127.0.0.1:8545'],
    gateways: values.gateway ?? [],
    index: values.index,
    claims: values.claims,
    circuits: values.circuit ?? [],
  })
  if (what === 'dev') {
    const { createServer } = await import('vite')
    const server = await createServer({
      configFile: CONFIG,
      plugins: [siteFiles(site)],
      server: { port, host: '127.0.0.1' },
    })
    await server.listen()
    server.printUrls()
  } else {
    const out = resolve(values.out ?? join(ROOT, 'build', 'web'))
    await buildPage(out)
    if (what === 'build') {
      await writeSite(site, out)
      process.stdout.write(`The console is in ${out}\n`)
    } else {
      const { url } = await servePage(site, { folder: out, port })
      process.stdout.write(`The console is on ${url} until interrupted\n`)
    }
  }
} catch (error) {
  process.stderr.write(`web: ${(error as Error).message}\n`)
  process.exitCode = error !== null && typeof error === 'object' && 'exitCode' in error ? Number(error.exitCode) : 1
}
