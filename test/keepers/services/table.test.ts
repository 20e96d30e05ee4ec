// SPDX-License-Identifier: GPL-3.0-or-later
import { expect } from 'chai'
import { LearningError } from '../../../keepers/learning/index.ts'
import { inferTable, tableRow } from '../../../keepers/services/table.ts'

const lines = (...rows: string[]): string => `${rows.join('\n')}\n`
const patients = lines('age,dose,outcome', '30,1.5,well', '61,0.25,sick', '33,4,well', '58,1,sick')

describe('the columns of a table', () => {
  it('are all but the last, which is the label, with their scaling in two digits', () => {
    const { input, classes, rows } = inferTable(patients, 'p.csv')
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
    expect([classes, rows]).to.deep.equal([['sick', 'well'], 4])
  })

  it('are named by the user where the label stands elsewhere, or a column says nothing', () => {
    const text = lines('id;kind;a', '1;x;0.5', '2;y;0.5', '3;x;0.5', '4;y;0.5')
    const { input, classes } = inferTable(text, 'p.csv', { target: 'kind', ignore: ['id'] })
    expect(input).to.deep.include({ features: ['a'], label: 'kind', delimiter: ';' })
    // A constant is not divided by nothing.
    expect(input.scale).to.deep.equal([{ mean: 0.5, deviation: 1 }])
    expect(classes).to.deep.equal(['x', 'y'])
  })

  it('have classes in the order of numbers where these are numbers', () => {
    const rows = Array.from({ length: 24 }, (_, i) => `${i},${i % 12}`)
    expect(inferTable(lines('a,month', ...rows), 'p.csv').classes).to.deep.equal(
      Array.from({ length: 12 }, (_, i) => `${i}`),
    )
  })

  it('scale one row as the manifest says, whatever the order of its columns, with or without a label', () => {
    const { input } = inferTable(patients, 'p.csv')
    expect(tableRow(input, lines('dose,id,age', '1.7,1,46', '3.1,2,60'), 'q.csv', 2)).to.deep.equal([
      1,
      (3.1 - 1.7) / 1.4,
    ])
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
      /line 2: column 'dose' is 'x', not a number/,
    )
  })

  it('are refused by file, line and column, with what would do', () => {
    const amounts = Array.from({ length: 60 }, (_, i) => `${i},${i * 1.5}`)
    const wrong: [string, Parameters<typeof inferTable>[2], RegExp][] = [
      ['', {}, /p\.csv: 0 columns; at least one feature and a label/],
      [lines('a,b'), {}, /p\.csv: no rows below the header/],
      [lines('1,2', '3,4'), {}, /the first line has only numbers; it must name the columns/],
      [lines('a,a', '3,4'), {}, /column 'a' is there twice/],
      [patients, { target: 'result' }, /--target 'result': the columns are age, dose, outcome/],
      [patients, { ignore: ['id'] }, /--ignore 'id': the columns are/],
      [patients, { ignore: ['age', 'dose'] }, /no column is left for the model/],
      [patients, { target: 'age' }, /age.* has 4 different values|column 'outcome' is 'well', not a number/],
      [lines('a,b', '1,x', '1,2,y'), {}, /line 3: 3 fields, the header has 2/],
      [lines('a,b', '1,x', ',y'), {}, /line 3: column 'a' is empty, not a number: correct it, or leave the column out/],
      [lines('a,b', '1,x', '1e999,y'), {}, /line 3: column 'a' is '1e999', not a number/],
      [lines('a,b', '1,x', '"2,5",y'), {}, /line 3: column 'a' is '2,5', not a number/],
      [lines('a,b', '1,x', '2,x'), {}, /column 'b' has one value only/],
      [lines('a,b', '1,x', '2,'), {}, /column 'b' is empty in some rows/],
      [lines('a,price', ...amounts), {}, /column 'price' has 60 different values, so it is an amount/],
    ]
    for (const [text, options, message] of wrong) {
      expect(() => inferTable(text, 'p.csv', options), text)
        .to.throw(LearningError, message)
        .with.property('code', 'BAD_DATA')
    }
  })
})
