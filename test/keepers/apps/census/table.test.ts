// SPDX-License-Identifier: GPL-3.0-or-later
// Tables, their commitments, models and released counts, without a chain.
import { expect } from 'chai'
import {
  countOutcomes,
  countPairs,
  packReleased,
  releasedCounts,
  sliceOf,
} from '../../../../keepers/apps/census/counting.ts'
import { CensusError } from '../../../../keepers/apps/census/errors.ts'
import { generateCensus } from '../../../../keepers/apps/census/generate.ts'
import {
  commitModel,
  designModel,
  modelText,
  packModel,
  parseModel,
  predict,
  unpackModel,
} from '../../../../keepers/apps/census/model.ts'
import { drawNoise } from '../../../../keepers/apps/census/noise.ts'
import { cellsOf, planCounting } from '../../../../keepers/apps/census/proving.ts'
import { CENSUS, marginalCells, type Row, slicesOf } from '../../../../keepers/apps/census/schema.ts'
import {
  chunksOf,
  commitChunk,
  commitTable,
  parseTable,
  TableSecret,
  tableText,
} from '../../../../keepers/apps/census/table.ts'

const rows = generateCensus(2500, 1)
const secret = new TableSecret(new Uint8Array(32).fill(7))
const refused = (body: () => unknown, what: RegExp) => expect(body).to.throw(CensusError, what)

describe('private tables', () => {
  it('the generator gives the same people for the same seed, and columns depend on one another', () => {
    expect(generateCensus(50, 9)).to.deep.equal(generateCensus(50, 9))
    expect(generateCensus(50, 9)).to.not.deep.equal(generateCensus(50, 10))
    const rate = (of: (row: readonly number[]) => boolean) => {
      const chosen = rows.flatMap((row) => (row !== null && of(row) ? [row[7]!] : []))
      return chosen.reduce((sum, income) => sum + income, 0) / chosen.length
    }
    expect(rate((row) => row[3] === 4) - rate((row) => row[3]! <= 1)).to.be.greaterThan(0.3)
  })

  it('text and back, vacant rows included', () => {
    const some: Row[] = [...rows.slice(0, 5), null]
    expect(parseTable(CENSUS, tableText(CENSUS, some))).to.deep.equal(some)
    expect(parseTable(CENSUS, tableText(CENSUS, some).replaceAll('\n', '\r\n'))).to.deep.equal(some)
  })

  it('a table that is none is refused by line, column and value', () => {
    const text = tableText(CENSUS, rows.slice(0, 2))
    const head = text.split('\n')[0]!
    refused(() => parseTable(CENSUS, ''), /line 1 is ''/)
    refused(() => parseTable(CENSUS, `${head}\n`), /has 0 rows/)
    refused(() => parseTable(CENSUS, `${head}\n${'-\n'.repeat(16_384)}`), /has 16384 rows, a table has 1 to 16383/)
    refused(() => parseTable(CENSUS, text.replace('age', 'Age')), /line 1 is 'Age/)
    refused(() => parseTable(CENSUS, `${head}\n1,2\n`), /line 2 has 2 fields/)
    refused(
      () => parseTable(CENSUS, `${text}45-54,other,north,none,none,1,0,lower\n`),
      /line 4, column sex: 'other' is not one of female, male/,
    )
    refused(() => TableSecret.parse('0x12'), /0x and 64/)
    refused(() => new TableSecret(new Uint8Array(31)), /31 bytes/)
  })

  it('commitments depend on every row and salt; salts, seed and blindings on the secret', () => {
    const chunk = chunksOf(CENSUS, rows)[2]!
    expect(chunk).to.have.length(1000)
    expect(chunk[999]).to.equal(null)
    const first = commitChunk(CENSUS, chunk, 5n)
    expect(first).to.not.equal(commitChunk(CENSUS, chunk, 6n))
    expect(first).to.not.equal(commitChunk(CENSUS, chunk.with(999, rows[0]!), 5n))
    expect(first).to.not.equal(commitChunk(CENSUS, chunk.with(0, null), 5n))
    const other = new TableSecret(new Uint8Array(32).fill(8))
    expect(commitTable(CENSUS, rows, secret)).to.not.deep.equal(commitTable(CENSUS, rows, other))
    const derived = [
      secret.seed,
      other.seed,
      secret.saltOf(0),
      secret.saltOf(1),
      secret.blindingOf('1/a/1', 1),
      secret.blindingOf('1/a/2', 1),
    ]
    expect(new Set(derived).size).to.equal(derived.length)
    expect(secret.blindingOf('1/a/1', 0)).to.equal(0n)
    expect(TableSecret.parse(secret.toText()).seed).to.equal(secret.seed)
  })

  it('a person adds one to exactly one cell of each marginal, and to one outcome', () => {
    const model = designModel(CENSUS, countPairs(CENSUS, rows))
    for (const count of [
      (given: readonly Row[]) => countPairs(CENSUS, given),
      (given: readonly Row[]) => countOutcomes(CENSUS, model, given),
    ]) {
      const [all, less] = [count(rows), count(rows.with(17, null))]
      const changes = all.flatMap((cell, i) => (cell === less[i] ? [] : [cell - less[i]!]))
      expect(changes).to.deep.equal(new Array(all.length === 4 ? 1 : 7).fill(1))
    }
  })

  it('models: text, field elements and back; numbers out of range are refused by name', () => {
    const model = designModel(CENSUS, countPairs(CENSUS, rows))
    expect(parseModel(CENSUS, modelText(model))).to.deep.equal(model)
    expect(unpackModel(CENSUS, packModel(model))).to.deep.equal(model)
    const other = { weights: model.weights.with(3, model.weights[3]! + 1) }
    expect(commitModel(CENSUS, model)).to.not.equal(commitModel(CENSUS, other))
    const text = (weights: unknown) => JSON.stringify({ format: 'cohort-additive-model', version: 1, weights })
    refused(() => parseModel(CENSUS, '{'), /not JSON/)
    refused(() => parseModel(CENSUS, text([1])), /has 1 weights, one for this table has 37/)
    refused(() => parseModel(CENSUS, text(model.weights.with(2, 2048))), /weights\[2\]/)
    refused(() => parseModel(CENSUS, text(model.weights.with(2, 0.5))), /weights\[2\]/)
    refused(() => parseModel(CENSUS, text('many')), /weights/)
    refused(() => parseModel(CENSUS, '{"format":"x","format":"y"}'), /twice/)
    refused(() => unpackModel(CENSUS, [1n]), /no weights/)
    refused(() => unpackModel(CENSUS, [...packModel(model), 0n]), /no weights/)
  })

  it('a model designed on noisy marginals predicts nearly as well as one on the true ones', () => {
    const people = generateCensus(10_000, 1)
    const cells = countPairs(CENSUS, people)
    const noise = Array.from({ length: slicesOf(CENSUS) }, (_, slice) => drawNoise(3n, BigInt(slice))).flat()
    const accuracy = (given: readonly number[]) => {
      const model = designModel(CENSUS, given)
      return people.filter((row) => predict(CENSUS, model, row!) === row![7]).length / people.length
    }
    const [exact, noisy] = [accuracy(cells), accuracy(cells.map((cell, i) => cell + noise[i]!))]
    expect(exact).to.be.greaterThan(0.75)
    expect(Math.abs(exact - noisy)).to.be.lessThan(0.01)
  })

  it('released counts: negative ones, too, and across slices', () => {
    const counts = Array.from({ length: 20 }, (_, i) => 37 * i)
    const noise = Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? -255 : 255))
    const outputs = [0, 1].map((slice) => packReleased(sliceOf(counts, slice), noise.slice(15 * slice)))
    expect(releasedCounts(outputs, 20)).to.deep.equal(counts.map((count, i) => count + noise[i]!))
  })

  it('a plan’s states begin with nothing, and its cells are the whole table’s', () => {
    const plan = planCounting({ shape: CENSUS, rows, secret, request: '1/a/1', model: null })
    expect(plan.commitments).to.have.length(3)
    expect(plan.states).to.have.length(4)
    expect(plan.cells).to.deep.equal(countPairs(CENSUS, rows))
    expect(cellsOf(CENSUS, null)).to.equal(marginalCells(CENSUS))
    expect([marginalCells(CENSUS), slicesOf(CENSUS)]).to.deep.equal([72, 5])
  })
})
