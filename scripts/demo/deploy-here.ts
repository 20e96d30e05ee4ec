// SPDX-License-Identifier: GPL-3.0-or-later
// What `hardhat deploy` does, in this process: for those that deploy on a chain of a minute. Half of what the command takes is Hardhat's
// start, and a good part of the rest is a journal that nobody resumes.
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { ArtifactResolver, EIP1193Provider } from '@nomicfoundation/ignition-core'
import type { JsonRpcProvider } from 'ethers'
import { deployCohort } from '../../deploy/deployment.ts'
import { readParameters } from '../../deploy/parameters.ts'
import type { DeploymentFile } from '../../keepers/chain/index.ts'
import { ROOT } from '../bootstrap/paths.mjs'
import { deploymentPath } from './deployment.ts'

/**
 * Deploys with parameters as a file of `hardhat deploy` has them, and writes the addresses where {@link deploymentPath} says.
 * @param provider of a node that signs for the accounts of the parameters
 */
export async function deployHere(
  provider: JsonRpcProvider,
  folder: string,
  content: Readonly<Record<string, unknown>>,
): Promise<DeploymentFile> {
  const parameters = join(folder, 'parameters.json')
  await writeFile(parameters, JSON.stringify(content, null, 2))
  const request: EIP1193Provider['request'] = ({ method, params }) => provider.send(method, params ?? [])
  return deployCohort({
    network: 'localhost',
    provider: { request },
    artifactResolver: builtArtifacts(),
    parameters: await readParameters(parameters),
    stateDir: null,
    addressFile: deploymentPath(folder),
    development: true,
  })
}

/** The artifacts of the build, by the contract's name; each is read once. */
function builtArtifacts(): ArtifactResolver {
  const files = globSync('artifacts/{contracts,@openzeppelin}/**/*.sol/*.json', { cwd: ROOT })
  const byName = new Map(files.map((file) => [basename(file, '.json'), file]))
  const read = new Map<string, ReturnType<ArtifactResolver['loadArtifact']>>()
  return {
    loadArtifact: (name) => {
      const file = byName.get(name)
      if (file === undefined) throw new Error(`the contract ${name} is not compiled: run \`npm run build\``)
      const known = read.get(name) ?? readFile(join(ROOT, file), 'utf8').then(JSON.parse)
      read.set(name, known)
      return known
    },
    // For the journal alone.
    getBuildInfo: async () => undefined,
  }
}
