// SPDX-License-Identifier: GPL-3.0-or-later
// A service without one of its rules, for tests that show what the rule prevents. The sources are changed before they are compiled; a change
// that finds nothing to change fails.

import { existsSync, readFileSync } from 'node:fs'
import type { InterfaceAbi } from 'ethers'
import { compile, runSolc } from '../../../scripts/solc.ts'
import type { World } from './fixture.ts'

const ROOT = new URL('../../../', import.meta.url)

/** A text of a file below contracts/rounds, or at a path from contracts/ on, and what stands there instead. */
export type Change = { readonly file: string; readonly from: string; readonly to: string }

type Output = {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Record<string, Record<string, { abi: InterfaceAbi; evm: { bytecode: { object: string } } }>>
}

/** Contract `name` of a file, or of `source` in its place, with the changes made. */
export function compiled(file: string, name: string, source: string | null, changes: readonly Change[]) {
  const found = new Set<Change>()
  const read = (path: string): string => {
    const url = ['', 'node_modules/'].map((folder) => new URL(folder + path, ROOT)).find((each) => existsSync(each))
    if (url === undefined) throw new Error(`no ${path}`)
    let text = readFileSync(url, 'utf8')
    for (const change of changes.filter(({ file }) => [file, `contracts/rounds/${file}`].includes(path))) {
      if (text.split(change.from).length !== 2) throw new Error(`${path} has not one place with: ${change.from}`)
      text = text.replace(change.from, () => change.to)
      found.add(change)
    }
    return text
  }
  // Without the intermediate language and the optimiser: a fortieth of the time, and longer than a contract may be, which deployedCode takes.
  const settings = {
    evmVersion: 'cancun',
    optimizer: { enabled: false },
    outputSelection: { [file]: { [name]: ['abi', 'evm.bytecode.object'] } },
  }
  const sources = { [file]: { content: source ?? read(file) } }
  const { errors = [], contracts } = runSolc<Output>({ language: 'Solidity', sources, settings }, read)
  const fatal = errors.filter(({ severity }) => severity === 'error')
  if (fatal.length > 0) throw new Error(fatal.map(({ formattedMessage }) => formattedMessage).join('\n'))
  const { abi, evm } = contracts![file]![name]!
  return { abi, bytecode: `0x${evm.bytecode.object}` }
}

/** Where {@link deployedCode} runs a constructor. */
const SCAFFOLD = '0x00000000000000000000000000000000005caff0'

/**
 * The code that deploying a contract with these arguments leaves, however long it is: a constructor is run where a contract stands
 * already, by a call, which returns that code and changes nothing else on the chain.
 */
export async function deployedCode(
  { ethers, networkHelpers }: Pick<World, 'ethers' | 'networkHelpers'>,
  { abi, bytecode }: ReturnType<typeof compiled>,
  ...args: readonly unknown[]
): Promise<string> {
  const { data } = await new ethers.ContractFactory(abi, bytecode).getDeployTransaction(...args)
  await networkHelpers.setCode(SCAFFOLD, data)
  return await ethers.provider.call({ to: SCAFFOLD })
}

/** Puts changed code in the place of the clock's part of this world's services. */
export async function changeClock(world: World, ...changes: Change[]): Promise<void> {
  const changed = compiled('contracts/rounds/ServiceClock.sol', 'ServiceClock', null, changes)
  const code = await deployedCode(world, changed, world.registry, world.models)
  const service = await world.ethers.getContractAt('LearningService', world.service)
  await world.networkHelpers.setCode(await service.CLOCK_PART(), code)
}

/** Gives this world's service changed code for one step. */
export async function changeStep(
  world: World,
  step: 'commitUpdate' | 'revealUpdate',
  ...changes: Change[]
): Promise<void> {
  const { ethers, networkHelpers } = world
  const service = await ethers.getContractAt('LearningService', world.service)
  const parts = 'IKeeperRegistry registry, IModelRegistry models, ServiceClock clock'
  const source = `pragma solidity ^0.8.28;
    import {IKeeperRegistry} from "contracts/interfaces/IKeeperRegistry.sol";
    import {IModelRegistry} from "contracts/interfaces/IModelRegistry.sol";
    import {ClockedPart} from "contracts/rounds/ClockedPart.sol";
    import {Rounds} from "contracts/rounds/Rounds.sol";
    import {ServiceClock} from "contracts/rounds/ServiceClock.sol";
    import {ServiceStorage} from "contracts/rounds/ServiceStorage.sol";
    contract Changed is Rounds { constructor(${parts}) ServiceStorage(registry, models) ClockedPart(clock) {} }`
  // Only so that the compiler has room for its variables.
  const narrow: Change[] = [
    { file: 'Rounds.sol', from: '_updateCommitment(round_, seat, cid, size, samples, salt));', to: 'found);' },
    {
      file: 'Rounds.sol',
      from: '        if (samples == 0) _declareEmpty(h, seat);\n',
      to: '        bytes32 found = _updateCommitment(round_, seat, cid, size, samples, salt);\n        if (samples == 0) _declareEmpty(h, seat);\n',
    },
  ]
  const made = compiled('Changed.sol', 'Changed', source, [...narrow, ...changes])
  const changed = ethers.getAddress(ethers.dataSlice(ethers.id(JSON.stringify(changes)), 12))
  const code = await deployedCode(world, made, world.registry, world.models, await service.CLOCK_PART())
  await networkHelpers.setCode(changed, code)
  // The service is a clone: it hands every call on. Now this one goes elsewhere.
  const clone = await ethers.provider.getCode(service)
  const { Fork } = compile(
    `pragma solidity ^0.8.28;
    contract Fork {
      fallback() external payable {
        address to = msg.sig == ${service.interface.getFunction(step).selector}
          ? ${changed} : ${ethers.getAddress(`0x${clone.slice(22, 62)}`)};
        assembly {
          calldatacopy(0, 0, calldatasize())
          let done := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
          returndatacopy(0, 0, returndatasize())
          switch done case 0 { revert(0, returndatasize()) } default { return(0, returndatasize()) }
        }
      }
    }`,
    { quick: true },
  )
  const fork = await new ethers.ContractFactory(Fork!.abi, Fork!.bytecode, world.admin).deploy()
  await networkHelpers.setCode(await service.getAddress(), await ethers.provider.getCode(fork))
}
