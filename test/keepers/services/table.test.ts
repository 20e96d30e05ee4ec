// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { LearningError } from '../../../keepers/learning/index.ts'
import { inferTable, type RowInput, tableRow } from '../../../keepers/services/table.ts'

const lines = (...rows: string[]): string => `${rows.join('\n')}\n`
const patients = lines('age,dose,outcome', '30,1.5,well', '61,0.25,sick', '33,4,well', '58,1,sick')

describe('the columns of a table', () => {
  it('are all but the last, which is the label, with their scaling in two digits', () => {
    const { input, task, rows } = inferTable(patients, 'p.csv')
    expect(input).to.deep.equal({
      kind: 'table',
      shape: [2],
      features: ['age', 'dose'],
      label: 'outcome',
      scale: [
        { mean: 46, deviation: 14 },
        { mean: 1.7, deviation: 1.4 },
      ],
      delimiter: ',',
    })
    expect([task, rows]).to.deep.equal([{ kind: 'classification', classes: ['sick', 'well'] }, 4])
  })

  it('are named by the user where the label stands elsewhere, or a column says nothing', () => {
    const text = lines('id;kind;a', '1;x;0.5', '2;y;0.5', '3;x;0.5', '4;y;0.5')
    const { input, task } = inferTable(text, 'p.csv', { target: 'kind', ignore: ['id'] })
    expect(input).to.deep.include({ features: ['a'], label: 'kind', delimiter: ';' })
    // A constant is not divided by nothing.
    expect(input).to.have.deep.property('scale', [{ mean: 0.5, deviation: 1 }])
    expect(task).to.have.deep.property('classes', ['x', 'y'])
  })

  it('have classes in the order of numbers where these are numbers', () => {
    const rows = Array.from({ length: 24 }, (_, i) => `${i},${i % 12}`)
    expect(inferTable(lines('a,month', ...rows), 'p.csv').task).to.have.deep.property(
      'classes',
      Array.from({ length: 12 }, (_, i) => `${i}`),
    )
  })

  it('scale one row as the manifest says, whatever the order of its columns, with or without a label', () => {
    const { input } = inferTable(patients, 'p.csv')
    expect(tableRow(input, lines('dose,id,age', '1.7,1,46', '3.1,2,60'), 'q.csv', 2)).to.deep.equal([1, 1])
    expect(() => tableRow(input, lines('dose,id', '1.7,1'), 'q.csv', 1)).to.throw(
      LearningError,
      /q\.csv: no column 'age'; the columns are dose, id/,
    )
    expect(() => tableRow(input, patients, 'q.csv', 5)).to.throw(
      LearningError,
      /no row 5; there are 4 below the header/,
    )
    expect(() => tableRow(input, lines('age,dose', '1,x'), 'q.csv', 1)).to.throw(
      LearningError,
      /q\.csv:2: column 'dose' is "x", not a finite number/,
    )
  })

  it('are refused by file, line and column, with what would do', () => {
    const amounts = Array.from({ length: 60 }, (_, i) => `${i},${i * 1.5}`)
    const wrong: [string, Parameters<typeof inferTable>[2], RegExp][] = [
      ['', {}, /p\.csv: empty; the first line must name the columns/],
      [lines('a', '1'), {}, /p\.csv: one column \('a'\); at least one feature and a label/],
      [lines('a,b'), {}, /p\.csv: no rows below the header/],
      [lines('1,2', '3,4'), {}, /the first line has only numbers; it must name the columns/],
      [lines('a,a', '3,4'), {}, /column 'a' is there twice: rename one in the first line/],
      [patients, { target: 'result' }, /--target 'result': the columns are age, dose, outcome/],
      [patients, { ignore: ['id'] }, /--ignore 'id': the columns are/],
      [patients, { ignore: ['age', 'dose'] }, /no column is left for the model/],
      [patients, { target: 'age' }, /column 'outcome' has 2 different values that are no numbers: leave it out/],
      [lines('a,b', '1,x', '1,2,y'), {}, /line 3: 3 fields, the header has 2/],
      [lines('a,b', ',x', ',y'), {}, /column 'a' is empty in every row: leave it out/],
      [lines('a,b', '1,x', '1e999,y'), {}, /line 3: column 'a' is '1e999', not a number/],
      [lines('a,b', '1,x', '"2,5",y'), {}, /line 3: column 'a' is '2,5', not a number/],
      [lines('a,b', '1,x', '2,x'), {}, /column 'b' has one value only/],
      [lines('a,b', '1,x', '2,'), {}, /line 3: column 'b' is empty: every sample needs its label: fill it in/],
      [
        lines('a,price', ...amounts),
        { task: 'classification' },
        /column 'price' has 60 different values, so it is an amount or a name, not a class: --task regression, or/,
      ],
      [lines('a,b', '1,x', '2,y'), { task: 'regression' }, /line 2: column 'b' is 'x': an amount is a number/],
      [patients, { unit: '€' }, /--unit is about a regression; column 'outcome' is a classification/],
      [patients, { text: 'note' }, /--text 'note': the columns are/],
      [patients, { text: 'outcome' }, /--text 'outcome' is the label, too/],
      [lines('a,b', '1,x', '2,'), { task: 'labels' }, /column 'b' has 1 labels, with '\|' between them/],
    ]
    for (const [text, options, message] of wrong) {
      expect(() => inferTable(text, 'p.csv', options), text)
        .to.throw(LearningError, message)
        .with.property('code', 'BAD_DATA')
    }
  })

  it('are amounts where the label has many numbers, centred and scaled for the model', () => {
    const rows = Array.from({ length: 60 }, (_, i) => `${i},${2000 + i / 10}`)
    const { task } = inferTable(lines('a,year', ...rows), 'p.csv', { unit: 'years', loss: 'huber' })
    // To the second digit of the deviation: rounded to its own two digits the mean would be 2000.
    expect(task).to.deep.equal({
      kind: 'regression',
      unit: 'years',
      target: { mean: 2003, deviation: 1.7 },
      loss: { kind: 'huber', delta: 1.345 },
    })
  })

  const mixed = (gap: string): string =>
    lines(
      'age;sex;weight;outcome',
      ...Array.from({ length: 6 }, (_, i) => `${30 + i};${i % 2 ? 'f' : 'm'};6${i},5;${i % 2 ? 'well' : 'sick'}`),
      `40;${gap};1.070,5;well`,
      `${gap};f;70,5;sick`,
    )

  it('may be categories, may be empty, and may have decimal commas', () => {
    for (const gap of ['', 'NA', '?']) {
      const { input } = inferTable(mixed(gap), 'p.csv')
      expect(input).to.deep.include({
        shape: [4],
        categories: { sex: { values: ['f', 'm'], as: 'one-hot' } },
        missing: ['age', 'sex'],
        decimal: ',',
      })
      const [, f, m] = tableRow(input as RowInput, mixed(gap), 'p.csv', 1)
      expect([f, m]).to.deep.equal([0, 1])
      // A gap is the mean of a number, and none of a category's values.
      expect(tableRow(input as RowInput, mixed(gap), 'p.csv', 7).slice(1, 3)).to.deep.equal([0, 0])
      expect(tableRow(input as RowInput, mixed(gap), 'p.csv', 8)[0]).to.equal(0)
      const { scale } = input as { scale: { mean: number; deviation: number }[] }
      expect(tableRow(input as RowInput, mixed(gap), 'p.csv', 7)[3]).to.be.closeTo(
        (1070.5 - scale[2]!.mean) / scale[2]!.deviation,
        1e-5,
      )
    }
  })

  it('are refused where a member’s file has what the sample had not', () => {
    const { input } = inferTable(mixed(''), 'p.csv')
    const row = (text: string) => () => tableRow(input as RowInput, lines('age;sex;weight', text), 'q.csv', 1)
    expect(row('30;x;60,5')).to.throw(LearningError, /q\.csv:2: column 'sex' is "x", not one of f, m/)
    expect(row('30;f;60.5')).to.throw(LearningError, /column 'weight' is "60\.5", not a finite number/)
    expect(row('30;f;')).to.throw(LearningError, /column 'weight' is empty, not a finite number/)
    expect(row('1e999;f;60,5')).to.throw(LearningError, /column 'age' is "1e999", not a finite number/)
  })

  it('weigh rare classes more where asked to', () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i},${i < 4 ? 'rare' : 'usual'}`)
    expect(inferTable(lines('a,b', ...rows), 'p.csv', { balance: true }).task).to.deep.equal({
      kind: 'classification',
      classes: ['rare', 'usual'],
      weights: [2.5, 0.63],
    })
  })

  it('may name several labels, or none', () => {
    const rows = ['1,fast | red', '2,red', '3,', '4,fast', '5,red', '6,fast']
    expect(inferTable(lines('a,b', ...rows), 'p.csv', { task: 'labels' }).task).to.deep.equal({
      kind: 'labels',
      labels: ['fast', 'red'],
      separator: '|',
    })
  })

  it('may be text, whose words are hashed or listed', () => {
    const text = lines('note,kind', '"Launch, today!",space', 'A launch,space', 'Goal,sport', 'No goal today,sport')
    const words = { kind: 'words', words: ['launch', 'goal'] } as const
    const listed = inferTable(text, 'p.csv', { text: 'note', tokenizer: { ...words, words: [...words.words] } }).input
    expect(listed).to.deep.include({ kind: 'text', shape: [2], column: 'note' })
    expect(tableRow(listed, text, 'p.csv', 1)).to.deep.equal([1, 0])
    expect(tableRow(listed, text, 'p.csv', 4)).to.deep.equal([0, 1])
    const hashed = inferTable(text, 'p.csv', { text: 'note' }).input
    const on = (row: number): number[] => tableRow(hashed, text, 'p.csv', row).flatMap((bit, at) => (bit ? [at] : []))
    expect(hashed.shape).to.deep.equal([1024])
    expect(on(1)).to.have.length(2)
    // Whatever is in both is at the same place.
    expect(on(1).filter((place) => on(2).includes(place))).to.have.length(1)
    expect(on(1).filter((place) => on(3).includes(place))).to.have.length(0)
  })
})
