// SPDX-License-Identifier: GPL-3.0-or-later
// `npx hardhat deploy`: the one command that puts Cohort on a network.
import { rm } from 'node:fs/promises'
import { isAbsolute, join, resolve } from 'node:path'
import process from 'node:process'
import { HardhatArtifactResolver } from '@nomicfoundation/hardhat-ignition/helpers'
import { HardhatPluginError } from 'hardhat/plugins'
import type { HardhatRuntimeEnvironment } from 'hardhat/types/hre'
import { deployCohort } from './deployment.ts'
import { readParameters } from './parameters.ts'
import { stepListener } from './progress.ts'

export type DeployArguments = {
  /** Empty for deploy/parameters/<network>.json. */
  readonly parameters: string
  /** Empty for deploy/deployments/<network>. */
  readonly state: string
  /** Empty for deploy/addresses/<network>.json. */
  readonly addresses: string
  readonly reset: boolean
  readonly json: boolean
  /** For callers that have built already: builds that run at the same time disturb each other. */
  readonly noBuild: boolean
}

/** The network for `npx hardhat deploy` if none is named. A chain inside this process would be lost when the process ends. */
const DEFAULT_NETWORK = 'localhost'

export default async function deployTask(args: DeployArguments, hre: HardhatRuntimeEnvironment): Promise<void> {
  try {
    await run(args, hre)
  } catch (error) {
    // Hardhat treats other errors as its own bugs, and asks the operator to report them.
    if (EXPECTED.has(error instanceof Error ? error.name : '')) {
      throw new HardhatPluginError('cohort', (error as Error).message, error as Error)
    }
    throw error
  }
}

/** Failures whose message already says what to do. */
const EXPECTED = new Set(['ParameterError', 'ForeignJournalError', 'DeploymentError', 'DeploymentCheckError'])

async function run(args: DeployArguments, hre: HardhatRuntimeEnvironment): Promise<void> {
  const named = hre.globalOptions.network
  const network = named === undefined || named === '' ? DEFAULT_NETWORK : named
  const { root, ignition } = hre.config.paths
  const place = (given: string, fallback: string) => {
    if (given === '') return join(ignition, fallback)
    return isAbsolute(given) ? given : resolve(process.cwd(), given)
  }
  const parameters = await readParameters(place(args.parameters, join('parameters', `${network}.json`)))
  const connection = await hre.network.create(network)
  try {
    // The default profile is the production one (hardhat.config.ts), so the deployment uses the very artifacts that the tests compiled.
    if (!args.noBuild) await hre.tasks.getTask('build').run({ quiet: true, noTests: true })
    const simulated = connection.networkConfig.type === 'edr-simulated'
    const stateDir = simulated ? null : place(args.state, join('deployments', network))
    if (args.reset && stateDir !== null) await rm(stateDir, { recursive: true, force: true })
    const addressFile = simulated ? null : place(args.addresses, join('addresses', `${network}.json`))
    const deployment = await deployCohort({
      network,
      provider: connection.provider,
      artifactResolver: new HardhatArtifactResolver(hre.artifacts),
      parameters,
      stateDir,
      addressFile,
      listener: stepListener((step, succeeded) => process.stderr.write(`  ${succeeded ? '✔' : '✘'} ${step}\n`)),
      development: simulated || network === DEFAULT_NETWORK,
    })
    if (args.json) {
      process.stdout.write(`${JSON.stringify(deployment)}\n`)
      return
    }
    const rows = [
      ...Object.entries(deployment.contracts),
      ...deployment.services.map(({ name, address }) => [`service '${name}'`, address] as const),
    ]
    const width = Math.max(...rows.map(([name]) => name.length))
    for (const [name, address] of rows) process.stdout.write(`${name.padEnd(width)}  ${address}\n`)
    process.stdout.write('Every role is with the timelock and the deployer holds none: checked.\n')
    if (addressFile !== null) process.stdout.write(`Addresses: ${addressFile.replace(`${root}/`, '')}\n`)
  } finally {
    await connection.close()
  }
}
