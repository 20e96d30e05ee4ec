// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { OptionError, parseOptions } from '../../scripts/demo/options.ts'

describe('options of the demo', () => {
  it('have defaults for everything', () => {
    expect(parseOptions([])).to.deep.include({
      keepers: 4,
      spoilers: 0,
      rounds: 5,
      model: 'small-cnn',
      alpha: 0.5,
      serve: false,
    })
  })

  it('let less than a third of the keepers spoil rounds', () => {
    expect(parseOptions(['--keepers', '7', '--spoilers', '2'])).to.deep.include({ keepers: 7, spoilers: 2 })
  })

  it('show help instead of running', () => {
    expect(parseOptions(['--help'])).to.equal(null)
  })

  for (const [args, message] of [
    [['--keepers', '2'], "--keepers '2': takes at least 4"],
    [['--keepers', '17'], "--keepers '17': takes at most 16"],
    [['--keepers', '6', '--spoilers', '2'], "--spoilers '2': takes fewer than a third of --keepers 6"],
    [['--keepers', '16', '--spoilers', '6'], "--spoilers '6': takes at most 5"],
    [['--serve-keepers', '2'], "--serve-keepers '2': takes --serve, without which none goes on"],
    [['--serve', '--serve-keepers', '5'], "--serve-keepers '5': takes at most --keepers 4"],
    [['--vote-seconds', '5'], "--vote-seconds '5': takes at least 6"],
    [['--rounds', 'x'], "--rounds 'x': takes a number"],
    [['--rounds', '1.5'], "--rounds '1.5': takes a whole number"],
    [['--example', 'x'], "--example 'x': "],
    [['--example', 'cancer', '--model', 'mlp'], "--model 'mlp': --example has its own"],
    [['--data', '/no/such/folder'], "--data '/no/such/folder': no such file or folder"],
  ] as const) {
    it(`refuse ${args.join(' ')} by name, value and what is taken`, () => {
      expect(() => parseOptions(args)).to.throw(OptionError, message)
    })
  }

  it('refuse a name that is misspelt', () => {
    expect(() => parseOptions(['--modle', 'mlp'])).to.throw(OptionError, '--modle')
  })
})
