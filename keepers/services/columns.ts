// SPDX-License-Identifier: GPL-3.0-or-later
// The content of each column of a sample: numbers, names of categories, gaps.
import { type Columns, isGap, LearningError, numberOf } from '../learning/index.ts'

/** A column with more different names than this has no categories. */
const MOST_CATEGORIES = 64
/** From names that are rarer than this, a model cannot learn anything. */
const LEAST_ROWS_A_CATEGORY = 3

export type Row = { readonly line: number; readonly fields: readonly string[] }

/** Decides how members read these columns. @throws LearningError BAD_DATA naming file, line, column and the fix */
export function inferColumns(
  features: readonly string[],
  header: readonly string[],
  rows: readonly Row[],
  { name, decimal }: { readonly name: string; readonly decimal: ',' | undefined },
): Columns {
  const missing: string[] = []
  const categories: NonNullable<Columns['categories']> = {}
  const scale = features.map((feature) => {
    const at = header.indexOf(feature)
    const filled = rows.filter(({ fields }) => !isGap(fields[at]!))
    const bad = (what: string): never => {
      throw new LearningError('BAD_DATA', `${name}: ${what}`)
    }
    if (filled.length === 0) bad(`column '${feature}' is empty in every row: leave it out (--ignore)`)
    if (filled.length < rows.length) missing.push(feature)
    const numbers = filled.map(({ fields }) => numberOf(fields[at]!, decimal))
    const odd = numbers.findIndex((value) => !Number.isFinite(value))
    const wide = numbers.findIndex((value) => Number.isFinite(value) && !Number.isFinite(Math.fround(value)))
    if (wide >= 0) {
      const { line, fields } = filled[wide]!
      bad(
        `line ${line}: column '${feature}' is '${fields[at]}', beyond what a 32-bit float holds: ` +
          'correct it, or leave the column out (--ignore)',
      )
    }
    if (odd < 0) return scaleOf(numbers)
    const values = [...new Set(filled.map(({ fields }) => fields[at]!.trim()))].sort()
    const mostlyNumbers = numbers.filter(Number.isFinite).length >= filled.length / 2
    if (mostlyNumbers) {
      const { line, fields } = filled[odd]!
      bad(
        `line ${line}: column '${feature}' is '${fields[at]}', not a number: correct it, or leave the column out (--ignore)`,
      )
    }
    if (values.length > MOST_CATEGORIES || values.length * LEAST_ROWS_A_CATEGORY > rows.length) {
      bad(
        `column '${feature}' has ${values.length} different values that are no numbers: ` +
          'leave it out (--ignore), or let the model read it as text (--text)',
      )
    }
    categories[feature] = { values, as: 'one-hot' }
    return { mean: 0, deviation: 1 }
  })
  return {
    features: [...features],
    scale,
    ...(Object.keys(categories).length === 0 ? {} : { categories }),
    ...(missing.length === 0 ? {} : { missing }),
    ...(decimal === undefined ? {} : { decimal }),
  }
}

/** A decimal comma, if the file has numbers such as `1,5` and another separator between fields. */
export function decimalOf(delimiter: string, rows: readonly Row[]): ',' | undefined {
  if (delimiter === ',') return undefined
  const fields = rows.slice(0, 200).flatMap((row) => row.fields)
  const only = (one: ',' | undefined, other: ',' | undefined): number =>
    fields.filter((field) => Number.isFinite(numberOf(field, one)) && !Number.isFinite(numberOf(field, other))).length
  return only(',', undefined) > only(undefined, ',') ? ',' : undefined
}

/**
 * Mean and deviation, both rounded to the second digit of the deviation. They are public, and rounded they reveal less of the samples.
 */
export function scaleOf(values: readonly number[] | Float64Array): { mean: number; deviation: number } {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  const deviation = Math.sqrt(squares / values.length)
  const size = deviation || Math.abs(mean) || 1
  const unit = 10 ** (Math.floor(Math.log10(size)) - 1)
  const rounded = (value: number): number => Number((Math.round(value / unit) * unit).toPrecision(12))
  // A constant column gets a deviation of 1, to avoid a division by zero.
  return { mean: rounded(mean), deviation: rounded(deviation) || 1 }
}
