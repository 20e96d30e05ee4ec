// SPDX-License-Identifier: GPL-3.0-or-later
// The console's simulation: the command that it names, the stories that it tells, a visitor's table.
import { expect } from 'chai'
import { Command } from 'commander'
import { registerSimulate } from '../../keepers/cli/simulate.ts'
import { type SimulateOptions, toSettings } from '../../keepers/cli/simulate-settings.ts'
import { modelSpec, parseSimulationConfig, simulate } from '../../keepers/learning/index.ts'
import {
  badKeepers,
  type Choices,
  changed,
  commandOf,
  memoryOf,
  requireMemory,
  USUAL,
} from '../../web/src/simulate/choices.ts'
import { digits, tableSamples } from '../../web/src/simulate/samples.ts'
import { STORIES } from '../../web/src/simulate/stories.ts'

/** The settings that the command line makes of a command. */
function settingsOfCommand(text: string) {
  const program = new Command()
  registerSimulate(program)
  const simulating = program.commands.find((command) => command.name() === 'simulate')!
  simulating.parseOptions(text.split(' ').slice(3))
  const options = simulating.opts<SimulateOptions & { readonly limit: number; readonly model: string }>()
  return { settings: parseSimulationConfig(toSettings(options)), limit: options.limit, model: options.model }
}

describe('the console’s simulation', function () {
  this.timeout(60_000)

  it('names a command that has the same settings, whatever is chosen', () => {
    const more: Partial<Choices>[] = [
      { partition: 'dirichlet', alpha: 0.3, strategy: 'fedprox', mu: 0.2, dropOut: 0.25, seed: 7 },
      { poison: 0.4, attack: 'norm-bust', strength: 9, bound: 0.5, boundCheck: 'mean', lr: 0.03, epochs: 2, batch: 20 },
      { strategy: 'trimmed-mean', fraction: 0.5, keepers: 20, model: 'small-cnn', limit: 500 },
    ]
    for (const some of [...STORIES.map(({ choices }) => choices), ...more]) {
      const choices = { ...USUAL, ...some }
      const command = commandOf(choices)
      expect(command).to.match(/^npx cohort simulate --digits /)
      const found = settingsOfCommand(command)
      expect(found.settings, command).to.deep.equal(parseSimulationConfig(toSettings(choices)))
      expect([found.limit, found.model]).to.deep.equal([choices.limit, choices.model])
    }
  })

  it('tells stories that its figures bear out', async () => {
    const last = async (title: string): Promise<number> => {
      const story = STORIES.find((one) => one.title === title)!
      const choices = { ...USUAL, ...story.choices }
      const { train, test } = digits(choices.limit)
      const spec = modelSpec(choices.model, { inputShape: train.inputShape, classes: train.classes })
      const settings = toSettings(choices)
      const { records } = await simulate({ spec, data: { train, test }, settings, workers: 0 })
      return records.at(-1)!.accuracy
    }
    const honest = await last('Ten honest keepers')
    const unlike = await last('Each knows two digits')
    const ruined = await last('Three of ten lie')
    const bounded = await last('Three lie, each update is bounded')
    const median = await last('Three lie, the median of groups decides')
    console.log(`      ${[honest, unlike, ruined, bounded, median].map((share) => share.toFixed(3)).join(', ')}`)
    expect(honest).to.be.above(0.75)
    expect(unlike).to.be.below(honest).and.above(0.3)
    expect(ruined).to.be.below(honest - 0.3)
    expect(bounded).to.be.above(ruined + 0.2)
    expect(median).to.be.above(ruined + 0.2)
  })

  it('takes a table of the visitor’s, and divides it by the seed', () => {
    const rows = Array.from({ length: 50 }, (_, i) => `${i},${i % 2 === 0 ? 'red' : 'blue'},${i < 25 ? 'low' : 'high'}`)
    const table = { text: `size,colour,class\n${rows.join('\n')}\n`, name: 'mine.csv', label: '' }
    const { train, test } = tableSamples(table, 1)
    expect([train.count, test.count, train.classes]).to.deep.equal([40, 10, 2])
    expect(train.inputShape).to.deep.equal([3])
    expect(tableSamples(table, 1).test.labels).to.deep.equal(test.labels)
    expect(tableSamples(table, 2).test.inputs).to.not.deep.equal(test.inputs)
    expect(tableSamples({ ...table, label: 'colour' }, 1).train.classNames).to.deep.equal(['blue', 'red'])
  })

  it('refuses a table by the place that is wrong', () => {
    const table = (text: string) => () => tableSamples({ text, name: 'mine.csv', label: '' }, 1)
    expect(table('a,b\n1,x\n2')).to.throw('mine.csv: line 3: 1 fields, the header has 2')
    expect(table('a,b\n1,x\n2,y\n')).to.throw('mine.csv has 2 rows, a simulation takes at least 20')
    expect(table('1,2\n3,4\n')).to.throw('the first line has only numbers')
  })

  it('refuses a table that somebody made to stop the page', () => {
    const table = (text: string) => () => tableSamples({ text, name: 'mine.csv', label: '' }, 1)
    expect(table('a'.repeat(1e7))).to.throw(/^mine.csv: one column \('a+/)
    expect(table(`"${'""'.repeat(1e6)}`)).to.throw('mine.csv:1: a quoted field is never closed')
    const wide = Array.from({ length: 20_000 }, (_, i) => `x${i}`).join()
    expect(table(`${wide}\n1,2`)).to.throw('20000 columns, at most 10000 are read')
    expect(table('__proto__,class\na,x\nb,y')).to.throw("a column cannot be called '__proto__'")
    const rows = Array.from({ length: 1_000 }, (_, i) => `v${i % 50},w${i % 49},${i % 2}`).join('\n')
    const grows = { text: `a,b,class\n${rows}`, name: 'mine.csv', label: '' }
    expect(() => tableSamples(grows, 1, 0.001)).to.throw('a page can expect')
    expect(tableSamples(grows, 1, 1).train.inputShape).to.deep.equal([99])
  })

  it('refuses what a page has no memory for, and says what takes less', () => {
    const bytes = memoryOf({ sampleBytes: 10e6, threads: 4, keepers: 200, parameters: 199_210 })
    expect(bytes).to.be.within(800e6, 1100e6)
    expect(() => requireMemory(bytes, 2)).to.throw('choose fewer keepers, fewer samples or a smaller network')
    expect(() => requireMemory(bytes, 8)).to.not.throw()
  })

  it('takes an optional choice away again, and counts the liars as the library does', () => {
    expect(changed({ ...USUAL, bound: 2 }, { bound: undefined })).to.not.have.property('bound')
    expect(badKeepers({ keepers: 10, poison: 0.3 })).to.equal(3)
  })
})
