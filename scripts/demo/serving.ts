// SPDX-License-Identifier: GPL-3.0-or-later
// A demo that stays up (`--serve`) puts chain and addresses where the commands look for them by default, and serves the console.
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { buildPage, type PublicSamples, prepareSite, servePage } from '../web/site.ts'
import { deploymentPath } from './deployment.ts'

export const USUAL_PORT = 8545
const USUAL_ADDRESSES = join(ROOT, 'deploy/addresses/localhost.json')

/** Puts the addresses of the demo in `folder` where `npx hardhat deploy` would put them. */
export async function publishAddresses(folder: string): Promise<void> {
  await mkdir(dirname(USUAL_ADDRESSES), { recursive: true })
  await copyFile(deploymentPath(folder), USUAL_ADDRESSES)
}

/** Makes a token for the console to read a keeper's monitoring with. @returns its file */
export async function writeToken(folder: string): Promise<string> {
  const file = join(folder, 'monitoring-token')
  await writeFile(file, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  return file
}

/** `monitoring.page` of a keeper that the console of this machine may read. */
export function pageTerms(port: number, tokenFile: string): { readonly origins: string[]; readonly tokenFile: string } {
  return { origins: [`http://127.0.0.1:${port}`], tokenFile }
}

/** Builds the console and serves it beside the chain. */
export async function serveConsole({
  folder,
  deployment,
  rpc,
  gateway,
  circuits,
  samples,
  port,
}: {
  readonly folder: string
  readonly deployment: DeploymentFile
  readonly rpc: string
  readonly gateway: string
  readonly circuits: readonly string[]
  /** Of the first service; null for none. */
  readonly samples: PublicSamples | null
  readonly port: number
}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const out = join(folder, 'web')
  await buildPage(out, true)
  const site = await prepareSite({
    ...{ rpc: [rpc], gateways: [gateway], deployment, circuits },
    samples: new Map(samples === null ? [] : [[deployment.services[0]!.address, samples]]),
  })
  return await servePage(site, { folder: out, port })
}

/**
 * Instructions for somebody who wants to try commands on the chain that stays up.
 * @param keeper monitoring of a keeper, and the file of the token that lets the console read it
 * @param circuit folder of the circuit of the hub's first model
 * @param manifest file of the service's manifest, for keepers that join
 */
export function servingText({
  url,
  page,
  keeper,
  circuit,
  manifest,
}: {
  readonly url: string
  readonly page: string
  readonly keeper: { readonly url: string; readonly token: string }
  readonly circuit: string
  readonly manifest: string
}): string {
  return [
    `Serving on ${url} until interrupted (Ctrl-C). In another terminal the README's commands work as written:`,
    `  console    ${page}`,
    `  keeper     ${keeper.url}, token in ${keeper.token}, for the console's Operator screen`,
    `  addresses  ${relative(ROOT, USUAL_ADDRESSES)}`,
    `  circuit    ${relative(ROOT, circuit)}, of model 1 at the inference hub`,
    ...(new URL(url).port === String(USUAL_PORT) ? [] : [`  with       export COHORT_RPC_URL=${url}`]),
    `  manifest   ${manifest}; whoever joins with \`cohort keeper init\` gets it from the keepers`,
  ].join('\n')
}
