// SPDX-License-Identifier: GPL-3.0-or-later

/** A group of test files that runs in a process of its own. */
export type Suite = {
  readonly name: string
  /** Folder below test/; its *.test.ts files (in Solidity: *.t.sol) belong to the suite. Braces name several. */
  readonly folder: string
  /** Contract tests run inside Hardhat, which owns the simulated chain, or are contracts themselves; the others in plain mocha. */
  readonly runner: 'hardhat' | 'solidity' | 'mocha'
  /**
   * Mostly waits for windows to pass: runs beside the others without taking a core's place, each file in its own process. Parts of
   * the paths of the longest files, the longest first: those start first.
   */
  readonly waits?: readonly string[]
  /** Uses no compiled contract: may begin while they are compiled, which takes a core a minute or more in a clean clone. */
  readonly chainless?: true
  /** Runs when it is named, and with none else: it takes minutes that CI does not have; or CI runs it beside the gates (`browser`). */
  readonly onDemand?: true
}

/** Longest first, as a clean clone takes them: the suites run two at a time, and a long one must not start last. */
export const SUITES: readonly Suite[] = [
  {
    name: 'e2e',
    folder: 'e2e',
    runner: 'mocha',
    waits: ['keeper.test', 'keeper-faults', 'keeper-key-disputes', 'provers', 'keeper-relay', 'keeper-commands'],
  },
  { name: 'zkml', folder: 'keepers/zkml', runner: 'mocha', chainless: true },
  { name: 'contracts', folder: 'contracts/{deploy,governance,invariants,registry,rounds,verifier}', runner: 'hardhat' },
  {
    name: 'consumers',
    folder: 'contracts/{claims,consumers,identity,inference,market,nested,privacy}',
    runner: 'hardhat',
  },
  { name: 'agent', folder: 'keepers/agent', runner: 'mocha' },
  { name: 'commands', folder: 'commands', runner: 'mocha' },
  { name: 'learning', folder: 'keepers/learning', runner: 'mocha', chainless: true },
  { name: 'fhe', folder: 'keepers/fhe', runner: 'mocha', chainless: true },
  { name: 'network', folder: 'keepers/network', runner: 'mocha' },
  { name: 'packages', folder: 'packages', runner: 'mocha' },
  { name: 'scripts', folder: 'scripts', runner: 'mocha' },
  { name: 'circuits', folder: 'circuits', runner: 'mocha', chainless: true },
  { name: 'jobs', folder: 'keepers/jobs', runner: 'mocha', chainless: true },
  { name: 'chain', folder: 'keepers/chain', runner: 'mocha' },
  { name: 'plays', folder: 'contracts', runner: 'solidity' },
  { name: 'cli', folder: 'keepers/cli', runner: 'mocha' },
  { name: 'apps', folder: 'keepers/apps', runner: 'mocha' },
  { name: 'web', folder: 'web', runner: 'mocha' },
  { name: 'versions', folder: 'keepers/versions', runner: 'mocha' },
  { name: 'services', folder: 'keepers/services', runner: 'mocha' },
  { name: 'sizing', folder: 'keepers/sizing', runner: 'mocha', chainless: true },
  { name: 'relay', folder: 'keepers/relay', runner: 'mocha' },
  { name: 'nested', folder: 'keepers/nested', runner: 'mocha' },
  { name: 'serving', folder: 'keepers/serving', runner: 'mocha' },
  { name: 'store', folder: 'keepers/store', runner: 'mocha' },
  { name: 'browser', folder: 'browser', runner: 'mocha', waits: ['console.test'], onDemand: true },
  { name: 'clients', folder: 'clients', runner: 'mocha', onDemand: true },
  { name: 'slow', folder: 'slow', runner: 'mocha', onDemand: true },
]
