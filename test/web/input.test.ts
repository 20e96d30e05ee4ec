// SPDX-License-Identifier: GPL-3.0-or-later
// What a visitor types, as the numbers that keepers read from a file with the same in it; and outputs in words.
import { expect } from 'chai'
import { parseCsv } from '../../keepers/learning/index.ts'
import { SCALAR_FIELD } from '../../keepers/zkml/index.ts'
import { rememberedRequests, rememberRequest } from '../../web/src/model/asked.ts'
import {
  readTable,
  readTensor,
  readText,
  type TableInput,
  type TensorInput,
  type TextInput,
  tableFields,
} from '../../web/src/model/input.ts'
import { outputText } from '../../web/src/model/output.ts'

const TABLE: TableInput = {
  kind: 'table',
  shape: [5],
  features: ['age', 'colour', 'weight'],
  scale: [
    { mean: 40, deviation: 10 },
    { mean: 0, deviation: 1 },
    { mean: 70, deviation: 20 },
  ],
  categories: { colour: { values: ['red', 'green', 'blue'], as: 'one-hot' } },
  missing: ['weight'],
  label: 'sick',
  delimiter: ',',
}

describe('the console’s forms', () => {
  it('read a row as keepers read it from a file', () => {
    const { kind: _kind, shape: _shape, ...schema } = TABLE
    const { inputs } = parseCsv('age,colour,weight,sick\n52.5,green,,yes\n30,red,90,no\n', {
      ...schema,
      classes: ['no', 'yes'],
    })
    expect(readTable(TABLE, { age: '52.5', colour: 'green' })).to.deep.equal({ values: [...inputs.slice(0, 5)] })
    expect(readTable(TABLE, { age: '30', colour: 'red', weight: '90' })).to.deep.equal({ values: [...inputs.slice(5)] })
  })

  it('name every field that is wrong, and its value, at once', () => {
    const read = readTable(TABLE, { age: 'old', colour: 'pink', weight: '7O' })
    expect(read).to.deep.equal({
      problems: {
        age: `column 'age' is "old", not a finite number`,
        colour: `column 'colour' is "pink", not one of red, green, blue`,
        weight: `column 'weight' is "7O", not a finite number`,
      },
    })
    expect(readTable(TABLE, {})).to.have.nested.property('problems.age', `column 'age' is empty, not a finite number`)
  })

  it('take columns by the names of what every object has', () => {
    for (const name of ['constructor', '__proto__']) {
      const odd: TableInput = { kind: 'table', shape: [1], features: [name], label: 'y', delimiter: ',' }
      expect('problems' in readTable(odd, {}), name).to.equal(true)
      expect(readTable(odd, Object.fromEntries([[name, '2']]))).to.deep.equal({ values: [2] })
    }
  })

  it('say of each column what it takes', () => {
    expect(tableFields(TABLE)).to.deep.equal([
      { name: 'age', values: null, mayBeEmpty: false, usual: { mean: 40, low: 20, high: 60 } },
      { name: 'colour', values: ['red', 'green', 'blue'], mayBeEmpty: false, usual: null },
      { name: 'weight', values: null, mayBeEmpty: true, usual: { mean: 70, low: 30, high: 110 } },
    ])
  })

  it('cut up a text as the manifest says', () => {
    const tokenizer = { kind: 'words', words: ['good', 'bad'] } as const
    const input: TextInput = {
      kind: 'text',
      shape: [2],
      column: 'mail',
      tokenizer: { ...tokenizer, words: [...tokenizer.words] },
      label: 'spam',
      delimiter: ',',
    }
    expect(readText(input, 'Bad, bad!')).to.deep.equal({ values: [0, 1] })
    expect(readText(input, ' ')).to.have.nested.property('problems.mail', "'mail' is empty: type a text")
    expect(readText(input, 'neither')).to.have.nested.property('problems.mail').that.contains('no word')
    expect(readText(input, 'good '.repeat(30_000)))
      .to.have.nested.property('problems.mail')
      .that.contains('at most')
  })

  it('take one sample of a file of arrays, and name array and place of what is wrong', async () => {
    const scale = [{ mean: 1, deviation: 2, min: 0, max: 9 }]
    const input: TensorInput = { kind: 'tensor', shape: [2], array: 'x', label: 'y', numbers: 'integer', scale }
    const file = (json: unknown, name = 'mine.json') => ({
      name,
      bytes: new TextEncoder().encode(JSON.stringify(json)),
    })
    const good = file({
      x: [
        [1, 3],
        [5, 7],
      ],
    })
    expect(await readTensor(input, good, 2)).to.deep.equal({ values: [2, 3] })
    const problem = async (bad: ReturnType<typeof file>, row: number): Promise<string> => {
      const read = await readTensor(input, bad, row)
      return 'problems' in read ? read.problems.x! : ''
    }
    expect(await problem(good, 3)).to.equal("mine.json: no sample 3 in 'x'; it has 2")
    expect(await problem(good, Number.NaN)).to.contain('no sample NaN')
    expect(await problem(file({ x: [[1, 30]] }), 1)).to.contain('x[0, 1] is 30, takes 0 to 9')
    expect(await problem(file({ z: [] }), 1)).to.contain("no array 'x'; it has z")
    expect(await problem(file([], 'mine.npz'), 1)).to.contain('is read from .npy, .safetensors, .json here')
    expect(await problem(file([], 'mine.npy'), 1)).to.contain('not an .npy array')
  })

  it('put a proven output in words', () => {
    const task = { kind: 'classification', classes: ['no', 'yes'] }
    const said = (about: unknown, output: bigint, scale = 0n) => outputText(about as never, output, scale)
    expect(said({ task, plan: { output: { kind: 'label' } } }, 1n)).to.equal('yes')
    expect(said({ task, plan: { output: { kind: 'label' } } }, 9n)).to.equal('9')
    expect(said({ task, plan: { output: { kind: 'margin' } } }, (77n << 16n) + 1n)).to.equal('yes')
    const labels = { kind: 'labels', labels: ['cat', 'dog'] }
    const score = { output: { kind: 'score', index: 1, threshold: 0 } }
    expect([said({ task: labels, plan: score }, 1n), said({ task: labels, plan: score }, 0n)]).to.deep.equal([
      'dog: yes',
      'dog: no',
    ])
    const amount = { task: { kind: 'regression', unit: '€' }, plan: { output: { kind: 'value' } } }
    expect(said(amount, SCALAR_FIELD - 50n, 100n)).to.equal('-0.5 €')
  })
})

describe('the console’s memory of requests', () => {
  const word = (value: number): string => `0x${value.toString(16).padStart(64, '0')}`
  const deployment = { chainId: 5, contracts: { InferenceHub: '0xhub' } }
  const site = { deployment } as never
  const request = (id: number) => ({
    ...{ chainId: 5, hub: '0xhub', modelId: '2', block: 7, values: 784, payloadBytes: 817 },
    ...{ requestId: word(id), inputCommitment: word(9) },
  })
  const shelf = (text: string | null = null) => ({
    text,
    getItem() {
      return this.text
    },
    setItem(_key: string, next: string) {
      this.text = next
    },
  })

  it('has those of one model on one chain, the newest first, and no more than twenty', () => {
    const kept = shelf()
    for (let id = 1; id <= 25; id++) rememberRequest(request(id), kept)
    rememberRequest({ ...request(99), chainId: 6 }, kept)
    const found = rememberedRequests(site, 2n, kept)
    expect(found.map(({ requestId }) => Number(requestId))).to.deep.equal(Array.from({ length: 19 }, (_, i) => 25 - i))
    expect(rememberedRequests(site, 3n, kept)).to.deep.equal([])
    expect(kept.text).to.not.contain('input"')
  })

  it('takes nothing that others wrote and that is no request', () => {
    for (const text of [
      '{',
      '7',
      '[null]',
      '[{"requestId":"<img>"}]',
      JSON.stringify([{ ...request(1), block: -1 }]),
    ]) {
      expect(rememberedRequests(site, 2n, shelf(text)), text).to.deep.equal([])
    }
    const broken = {
      getItem: () => null,
      setItem: () => {
        throw new Error('full')
      },
    }
    expect(() => rememberRequest(request(1), broken)).to.not.throw()
  })
})
