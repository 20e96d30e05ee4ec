// SPDX-License-Identifier: GPL-3.0-or-later
// Plays the fuzz tests of Seats.t.sol (which `npx hardhat test solidity` runs, too) from here, with seeded values.

import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { type FunctionFragment, Interface } from 'ethers'
import { network } from 'hardhat'
import { compile } from '../../../scripts/solc.ts'
import { randomFrom } from '../invariants/random.ts'

const RUNS = 150
const SEED = 20_261_120

/** The parts as one source: solc is given no files to import from. */
function sourceOf(...paths: string[]): string {
  const texts = paths.map((path) =>
    readFileSync(new URL(path, import.meta.url), 'utf8')
      .replaceAll(/^(pragma|\/\/ SPDX).*$/gm, '')
      .replaceAll(/^import[^;]*;/gm, ''),
  )
  return `// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\n${texts.join('\n')}`
}

describe('sets of seats and member records', () => {
  const { abi, bytecode } = compile(
    sourceOf('../../../contracts/rounds/Seats.sol', '../../../contracts/rounds/MemberRecord.sol', 'Seats.t.sol'),
  ).SeatsTest!
  const tests = new Interface(abi)
  const random = randomFrom(SEED)

  const deployed = (async () => {
    const { ethers } = await network.create()
    const contract = await (await ethers.getContractFactory(abi as never[], bytecode)).deploy()
    return { ethers, to: await contract.getAddress() }
  })()

  /** A word of random bytes, sparse, dense, or at an edge, cut to the type. */
  function drawn(type: string): unknown {
    if (type === 'bool') return random() < 0.5
    const word = (): bigint => BigInt(`0x${Array.from({ length: 8 }, () => hex32(random())).join('')}`)
    const kind = random()
    const bits = kind < 0.5 ? word() : kind < 0.7 ? word() & word() & word() : kind < 0.9 ? word() | word() : 0n
    if (type === 'bytes32') return `0x${bits.toString(16).padStart(64, '0')}`
    return bits & ((1n << BigInt(type.slice('uint'.length))) - 1n)
  }

  tests.forEachFunction((fragment: FunctionFragment) => {
    const runs = fragment.inputs.length === 0 ? 1 : RUNS
    it(`${fragment.name} (${runs})`, async () => {
      const { ethers, to } = await deployed
      for (let i = 0; i < runs; i++) {
        const values = fragment.inputs.map(({ type }) => drawn(type))
        const call = ethers.provider.call({
          to,
          data: tests.encodeFunctionData(fragment, values),
          gasLimit: 15_000_000,
        })
        await call.catch((error: Error) => expect.fail(`${fragment.name}(${values.join(', ')}): ${error.message}`))
      }
    })
  })
})

function hex32(fraction: number): string {
  return Math.floor(fraction * 2 ** 32)
    .toString(16)
    .padStart(8, '0')
}
