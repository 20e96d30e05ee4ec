// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash, randomInt } from 'node:crypto'
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { CACHE } from '../../scripts/bootstrap/paths.mjs'
import { compile, runSolc } from '../../scripts/solc.ts'

type Output = {
  errors?: { message: string }[]
  contracts?: Record<string, Record<string, { evm: { bytecode: { object: string } } }>>
}

describe('the Solidity compiler of the tests', function () {
  this.timeout(120_000)

  const input = {
    language: 'Solidity',
    sources: {
      'source.sol': {
        content: 'pragma solidity ^0.8.28; import "number.sol"; contract Answer { uint256 public n = NUMBER; }',
      },
    },
    settings: { outputSelection: { '*': { '*': ['evm.bytecode.object'] } } },
  }
  const number = (n: number): string => `pragma solidity ^0.8.28; uint256 constant NUMBER = ${n};`
  const codeWith = (text: string): string =>
    runSolc<Output>(input, () => text).contracts!['source.sol']!.Answer!.evm.bytecode.object
  const hex = (n: number): string => n.toString(16)

  it('reads an import again, and compiles again when it has changed', () => {
    const [first, second] = [randomInt(2 ** 40, 2 ** 44), randomInt(2 ** 44, 2 ** 47)]
    expect(codeWith(number(first))).to.contain(hex(first))
    expect(codeWith(number(second)))
      .to.contain(hex(second))
      .and.not.contain(hex(first))
    expect(codeWith(number(first))).to.contain(hex(first))
  })

  it('keeps what it has compiled, and compiles anew what is damaged there', () => {
    const text = number(randomInt(2 ** 40, 2 ** 47))
    const code = codeWith(text)
    const hash = createHash('sha256').update(text).digest('hex')
    const [file] = globSync(join(CACHE, 'solc', '*.json')).filter((path) => readFileSync(path, 'utf8').includes(hash))
    writeFileSync(file!, readFileSync(file!, 'utf8').replaceAll(code, 'c0de'))
    expect(codeWith(text), 'what was kept').to.equal('c0de')
    writeFileSync(file!, readFileSync(file!, 'utf8').slice(0, -10))
    expect(codeWith(text), 'compiled again').to.equal(code)
  })

  it('keeps nothing that was compiled without one of its imports', () => {
    const missing = (): string => {
      throw new Error('no such file here')
    }
    const messages = (read: () => string): string =>
      (runSolc<Output>(input, read).errors ?? []).map(({ message }) => message).join('\n')
    const text = number(randomInt(2 ** 40, 2 ** 47))
    expect(messages(missing)).to.contain('no such file here')
    expect(messages(() => text)).not.to.contain('no such file')
    expect(messages(missing)).to.contain('no such file here')
    expect(messages(() => text)).not.to.contain('no such file')
  })

  it('fails in the words of the compiler, every time', () => {
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(() => compile('pragma solidity ^0.8.28; contract C { uint256 n = "text"; }')).to.throw(/TypeError/)
    }
  })
})
