// SPDX-License-Identifier: GPL-3.0-or-later
import { globSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import hardhatToolboxMochaEthers from '@nomicfoundation/hardhat-toolbox-mocha-ethers'
import { configVariable, defineConfig, task } from 'hardhat/config'
import { ArgumentType } from 'hardhat/types/arguments'
import type { HardhatPlugin } from 'hardhat/types/plugins'
import { importablePath } from './scripts/importable-path.ts'
import { PUNCTUAL_NETWORK } from './scripts/local-network.ts'
import { TEST_ACCOUNTS, TEST_PHRASE, testAccountKeys } from './scripts/test-accounts.ts'

// Deployed as it is, so it needs an artifact of its own.
const TIMELOCK = '@openzeppelin/contracts/governance/TimelockController.sol'

// solc comes from npm (exact pin in package.json): nothing is downloaded outside the npm registry. Both profiles are
// declared because Ignition compiles with `production`, which would otherwise fall back to Hardhat's own settings.
const SOLC_VERSION = '0.8.34'
const compiler = {
  version: SOLC_VERSION,
  path: importablePath(createRequire(import.meta.url).resolve('solc/soljson.js'), SOLC_VERSION),
  settings: {
    viaIR: true,
    evmVersion: 'cancun',
    optimizer: { enabled: true, runs: 800 },
    metadata: { bytecodeHash: 'none' as const },
  },
}

// Near the limit of EIP-170: small rather than fast.
const small = { ...compiler, settings: { ...compiler.settings, optimizer: { enabled: true, runs: 1 } } }
// Tests in Solidity play with the contracts of the build; what their own code costs is nothing to anybody. Without the intermediate
// representation they are compiled in a quarter of the time.
const quick = { ...compiler, settings: { ...compiler.settings, viaIR: false, optimizer: { enabled: false } } }

const filesOf = (pattern: string): string[] => globSync(pattern, { cwd: import.meta.dirname }).sort()

// Each of these goes to a compiler of its own: solc uses one core. A compiler generates code for all that its files import, so
// that whatever imports a long contract stands beside it, and is compiled once.
const together = [
  { compiler, files: filesOf('contracts/rounds/*.sol') },
  { compiler, files: ['contracts/governance/CohortGovernor.sol', TIMELOCK] },
  {
    compiler,
    files: [
      'contracts/consumers/PredictionMarket.sol',
      'contracts/inference/EnsembleOracle.sol',
      'contracts/inference/ProverMarket.sol',
    ],
  },
  { compiler: small, files: ['contracts/consumers/InputMarket.sol'] },
  { compiler: quick, files: filesOf('test/contracts/**/*.sol') },
]
const overrides = Object.fromEntries(
  together.flatMap(({ compiler, files }) => files.map((file) => [file, compiler] as const)),
)

const compileTogether: HardhatPlugin = {
  id: 'compile-together',
  hookHandlers: {
    // Hardhat makes one job of the files that have the same configuration, which to it is the same object.
    config: async () => ({
      default: async () => ({
        resolveUserConfig: async (user, variable, next) => {
          const config = await next(user, variable)
          for (const { overrides } of Object.values(config.solidity.profiles)) {
            for (const { files } of together) for (const file of files) overrides[file] = overrides[files[0]!]!
          }
          return config
        },
      }),
    }),
    // By default it leaves one core idle.
    solidity: async () => ({
      default: async () => ({
        build: (context, roots, options, next) =>
          next(context, roots, { quiet: false, ...options, concurrency: availableParallelism() }),
      }),
    }),
  },
}

const deployTask = task('deploy', 'Deploy Cohort, or resume, hand every role to the timelock, and check that it is so')
  .addOption({
    name: 'parameters',
    description: 'File of parameters (default deploy/parameters/<network>.json)',
    type: ArgumentType.FILE,
    defaultValue: '',
  })
  .addOption({
    name: 'state',
    description: 'Folder of the journal that a resumed deployment continues (default deploy/deployments/<network>)',
    defaultValue: '',
  })
  .addOption({
    name: 'addresses',
    description: 'File to write the addresses to (default deploy/addresses/<network>.json)',
    defaultValue: '',
  })
  .addFlag({ name: 'reset', description: 'Forget the journal and deploy everything anew' })
  .addFlag({ name: 'json', description: 'Print the addresses as JSON' })
  .addFlag({ name: 'noBuild', description: 'Deploy the artifacts as they are, without a look at the sources' })
  .setAction(() => import('./deploy/task.ts'))
  .build()

function localAccounts() {
  const mnemonic = process.env.COHORT_LOCALHOST_PHRASE
  if (mnemonic === undefined) return 'remote' as const
  return mnemonic === TEST_PHRASE ? testAccountKeys() : { mnemonic, count: TEST_ACCOUNTS }
}

export default defineConfig({
  plugins: [hardhatToolboxMochaEthers, compileTogether],
  tasks: [deployTask],
  solidity: {
    npmFilesToBuild: [TIMELOCK],
    profiles: {
      default: { compilers: [compiler], overrides },
      // Compiled together as in the default profile: by default this one compiles each contract alone, which takes many
      // times as long and gives the same bytecode but for the metadata hash, which is left out anyway.
      production: { compilers: [compiler], overrides, isolated: false },
    },
  },
  paths: {
    sources: './contracts',
    tests: './test',
    cache: './cache',
    artifacts: './artifacts',
    ignition: './deploy',
  },
  typechain: { outDir: './types', dontOverrideCompile: false },
  networks: {
    // The network of tests: `network.create()` without a name means this one. What each of their transactions may use is the cap of
    // EIP-7825: by default the chain would run each several times for an estimate of its gas, and be asked for past fees, before it runs
    // in earnest, which is two fifths of what tests of rounds cost.
    default: { type: 'edr-simulated', chainType: 'l1', gas: 2n ** 24n, gasPrice: 2n * 10n ** 9n },
    node: PUNCTUAL_NETWORK,
    localhost: {
      type: 'http',
      chainType: 'l1',
      url: process.env.COHORT_LOCALHOST_RPC_URL ?? 'http://127.0.0.1:8545',
      // A node that has no unlocked accounts (geth) needs its phrase said. As many accounts as local-chain.ts has.
      accounts: localAccounts(),
    },
    sepolia: {
      type: 'http',
      chainType: 'l1',
      url: configVariable('COHORT_SEPOLIA_RPC_URL'),
      accounts: [configVariable('COHORT_SEPOLIA_DEPLOYER_KEY')],
    },
    // Any other chain: `hardhat deploy --network chain --parameters deploy/parameters/op-stack.json`.
    chain: {
      type: 'http',
      chainType: 'generic',
      url: configVariable('COHORT_CHAIN_RPC_URL'),
      accounts: [configVariable('COHORT_CHAIN_DEPLOYER_KEY')],
    },
  },
  test: {
    mocha: { timeout: 120_000 },
    // Long plays of random calls (test/contracts/invariants/play) over the contracts of the build.
    solidity: {
      fsPermissions: { readDirectory: ['artifacts'] },
      gasLimit: 2n ** 53n,
      blockGasLimit: false,
      transactionGasCap: false,
    },
  },
})
