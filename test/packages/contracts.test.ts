// SPDX-License-Identifier: GPL-3.0-or-later
// Contracts of somebody else's compile against the installed package with nothing but solc, as its README shows.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect } from 'chai'
import { Interface } from 'ethers'
import { runSolc } from '../../scripts/solc.ts'
import { installedProject, type Project } from './installed-project.ts'

type Output = {
  readonly errors?: readonly { readonly severity: string; readonly formattedMessage: string }[]
  readonly contracts?: Record<string, Record<string, { abi: string[]; evm: { bytecode: { object: string } } }>>
}

describe('the contracts package, compiled against', function () {
  this.timeout(180_000)
  let project: Project
  before(async () => {
    project = await installedProject()
  })

  /** Compiles `source`; imports are looked up as Node would from within the project, by what the packages export. */
  const compile = (source: string): Output => {
    const { resolve } = createRequire(project.path('package.json'))
    const settings = {
      evmVersion: 'cancun',
      outputSelection: { 'Consumer.sol': { '*': ['abi', 'evm.bytecode.object'] } },
    }
    const input = { language: 'Solidity', sources: { 'Consumer.sol': { content: source } }, settings }
    return runSolc(input, (path) => readFileSync(resolve(path), 'utf8'))
  }
  const errorsOf = ({ errors = [] }: Output) =>
    errors.filter(({ severity }) => severity === 'error').map(({ formattedMessage }) => formattedMessage)

  it('makes the README’s consumer a contract that the hub can call', () => {
    const output = compile(project.example('contracts', 'solidity'))
    expect(errorsOf(output)).to.deep.equal([])
    const { abi, evm } = output.contracts!['Consumer.sol']!.DigitGate!
    expect(evm.bytecode.object).to.match(/^[0-9a-f]{200,}$/)
    const ours = createRequire(project.path('package.json'))('@cohort-ai/contracts/artifacts/IInferenceConsumer.json')
    const selector = (of: string[]) => new Interface(of).getFunction('onInference')!.selector
    expect(selector(abi)).to.equal(selector(ours.abi))
  })

  it('takes the interface by a bare import, and refuses a consumer that does not implement it', () => {
    const consumer = (body: string) => `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
import "@cohort-ai/contracts/interfaces/IInferenceConsumer.sol";
contract Quiet is IInferenceConsumer { ${body} }`
    const whole = 'function onInference(bytes32, uint256, uint64, bytes32, uint256) external {}'
    expect(errorsOf(compile(consumer(whole)))).to.deep.equal([])
    expect(errorsOf(compile(consumer('')))).to.have.length(1)
    expect(errorsOf(compile(consumer('')))[0]).to.match(/should be marked as abstract/)
  })

  it('also contains the libraries and contracts that need OpenZeppelin’s', () => {
    const output = compile(`// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
import {OutputReading} from "@cohort-ai/contracts/inference/OutputReading.sol";
import {CohortToken} from "@cohort-ai/contracts/governance/CohortToken.sol";
contract Reader {
    function shares(CohortToken token, address holder) external view returns (uint256) { return token.balanceOf(holder); }
}`)
    expect(errorsOf(output)).to.deep.equal([])
  })
})
