// SPDX-License-Identifier: GPL-3.0-or-later
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { pathsIn, templatesOf } from '../../scripts/check/circom-statements.ts'
import { lintCircom } from '../../scripts/check/circuit-lint.ts'

const rules = (body: string, parameters = '') =>
  lintCircom(`pragma circom 2.2.0;\ntemplate T(${parameters}) {\n${body}\n}\n`, 't.circom').map(
    ({ rule, line }) => `${rule}:${line}`,
  )

describe('circuit lint', () => {
  it('flags a hint without a constraint on the same signal, in either direction and as an initialiser', () => {
    expect(rules('signal input a;\nsignal output b;\nb <-- a * 2;\na === 1;')).to.include('unconstrained:5')
    expect(rules('signal input a;\nsignal output b;\na * 2 --> b;\na === 1;')).to.include('unconstrained:5')
    expect(rules('signal input a;\nsignal b <-- a * 2;\na === 1;')).to.include('unconstrained:4')
    expect(rules('signal input a;\nsignal output b;\nb <-- a * 2;\nb === a + a;')).to.deep.equal([])
  })

  it('does not take a constraint on another signal, or on a signal of a similar name, for the one that is owed', () => {
    expect(rules('signal input a;\nsignal output b;\nsignal bb;\nb <-- a;\nbb <== a * a;')).to.include(
      'unconstrained:6',
    )
    expect(rules('signal input a;\ncomponent c = X();\nc.in <-- a;\nc.out === a;')).to.deep.equal(['unconstrained:5'])
    expect(rules('signal input a;\ncomponent c[2];\nc[0].in <-- a;\nc[1].in === a;')).to.deep.equal([])
  })

  it('sees hints inside loops and branches, and hints of array elements', () => {
    expect(
      rules('signal input a;\nsignal b[4];\nfor (var i = 0; i < 4; i++) { b[i] <-- a >> i; }\na === 2;'),
    ).to.include('unconstrained:5')
    expect(rules('signal input a;\nsignal b;\nif (1 == 1) b <-- a;\na === 2;')).to.include('unconstrained:5')
    expect(
      rules(
        'signal input a;\nsignal b[4];\nfor (var i = 0; i < 4; i++) {\nb[i] <-- a >> i;\nb[i] * (b[i] - 1) === 0;\n}\na === 2;',
      ),
    ).to.deep.equal([])
  })

  it('flags assert on signals and component outputs, and lets parameters be asserted', () => {
    expect(rules('signal input a;\nassert(a < 5);\na === 1;')).to.deep.equal(['assert-signal:4'])
    expect(rules('component c = X();\nassert(c.out[3] < 5);')).to.deep.equal(['assert-signal:4'])
    expect(rules('signal input a;\nassert(n < 5);\na === 1;', 'n')).to.deep.equal([])
  })

  it('flags signals that no constraint names, and range checks of others', () => {
    expect(rules('signal input a;\nsignal input b;\na === 1;')).to.deep.equal(['unused-signal:4'])
    expect(rules('signal input a;\nvar sum = a;\nsum === 1;')).to.deep.equal([])
    expect(rules('signal input a;\ncomponent c = Num2Bits(254);\nc.in <== a;')).to.deep.equal(['foreign-range:4'])
    expect(rules('signal input a;\ncomponent c = LessThan(8);\nc.in[0] <== a;')).to.deep.equal(['foreign-range:4'])
  })

  it('is blind to comments and strings', () => {
    expect(rules('signal input a;\n// b <-- a;\n/* assert(a); */\nlog("x <-- a", a);\na === 1;')).to.deep.equal([])
  })

  it('reads paths without their indices, and the signals inside the indices', () => {
    expect(pathsIn('unit[i + k].out[2] * (w[at] - 3)')).to.deep.equal(['i', 'k', 'unit.out', 'at', 'w'])
    expect(templatesOf('template A() { signal x; } template B(n) { }').map(({ name }) => name)).to.deep.equal([
      'A',
      'B',
    ])
  })

  it('passes the gadget library and fails the unsound peers', () => {
    const lint = (...args: string[]) =>
      spawnSync(process.execPath, ['scripts/check/circuit-lint.ts', ...args], { encoding: 'utf8' })
    expect(lint().status, lint().stdout).to.equal(0)
    const naive = lint('circuits/naive')
    expect(naive.status).to.equal(1)
    expect(naive.stdout).to.match(/assert-signal: NaiveRescale/)
  })

  it('finds each constraint that is taken away from a gadget of the library', () => {
    const source = readFileSync('circuits/lib/range.circom', 'utf8')
    const weakened = source.replace('high[i] * (high[i] - 1) === 0;', '')
    expect(weakened).to.not.equal(source)
    const directory = mkdtempSync(join(tmpdir(), 'circuit-lint-'))
    writeFileSync(join(directory, 'range.circom'), weakened)
    expect(() =>
      execFileSync(process.execPath, ['scripts/check/circuit-lint.ts', directory], { stdio: 'pipe' }),
    ).to.throw()
  })
})
