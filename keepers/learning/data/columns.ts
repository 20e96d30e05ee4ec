// SPDX-License-Identifier: GPL-3.0-or-later
// How the fields of a row become the numbers that a model takes: scaled numbers, categories, gaps.
import { z } from 'zod'
import { LearningError } from '../errors.ts'
import { columnAt } from './rows.ts'

const names = z.array(z.string().min(1)).min(1)

/** How the columns of a table are read. Parties with the same schema read rows in the same way. */
export const columnsSchema = z.strictObject({
  /** Column names, in the order in which the model takes them. */
  features: names,
  /** Per feature (x − mean) / deviation with the statistics given here, so that every keeper scales alike. */
  scale: z.array(z.strictObject({ mean: z.number(), deviation: z.number().positive() })).optional(),
  /**
   * Features that hold names. `one-hot`: one number for each possible value, 1 for the actual one. `ordinal`: the value's place in the given order,
   * from 0, scaled like a number.
   */
  categories: z
    .record(z.string(), z.strictObject({ values: names.max(1024), as: z.enum(['one-hot', 'ordinal']) }))
    .optional(),
  /** Features that may be empty: the mean then stands for a number, and all zeros for a category. */
  missing: names.optional(),
  /** Decimal comma, with points or spaces between thousands. By default, decimals follow a point. */
  decimal: z.literal(',').optional(),
})
export type Columns = z.infer<typeof columnsSchema>

/** Models take 32-bit floats, of which the largest is some 3.4e38. */
export const BEYOND = 'beyond what a 32-bit float holds after scaling'

/** Texts that stand for a missing value. */
const GAPS = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?'])

export function isGap(field: string): boolean {
  return GAPS.has(field.trim().toLowerCase())
}

/** Reads a number from a file's text; NaN for anything else. */
export function numberOf(field: string, decimal?: ',' | undefined): number {
  const text = field.trim()
  if (text === '') return Number.NaN
  // Number() also reads hexadecimal, octal and binary, which no table means as measurements.
  if (/^[-+]?0[box]/i.test(text)) return Number.NaN
  if (decimal === undefined) return Number(text)
  // Accepts 1.234,5 and 1 234,5. A point that does not separate thousands is a mistake.
  if (!/^[-+]?(\d+|\d{1,3}([. ]\d{3})+)(,\d+)?(e[-+]?\d+)?$/i.test(text)) return Number.NaN
  return Number(text.replaceAll(/[. ]/g, '').replace(',', '.'))
}

/** How many numbers the model gets for one row. */
export function columnsWidth({ features, categories }: Columns): number {
  return features.reduce((sum, feature) => sum + widthOf(categories, feature), 0)
}

function widthOf(categories: Columns['categories'], feature: string): number {
  const category = categories === undefined || !Object.hasOwn(categories, feature) ? undefined : categories[feature]
  return category?.as === 'one-hot' ? category.values.length : 1
}

/** Why the parts of a schema do not fit together, naming the part; null when they do. */
export function contradictionInColumns({ features, scale, categories = {}, missing = [] }: Columns): string | null {
  if (new Set(features).size !== features.length) return 'features: one column is named twice'
  if (scale !== undefined && scale.length !== features.length) {
    return `scale: ${scale.length} entries for the ${features.length} features of the table`
  }
  const stranger = [...Object.keys(categories), ...missing].find((feature) => !features.includes(feature))
  if (stranger !== undefined) return `categories and missing: '${stranger}' is not one of the features`
  const twice = Object.entries(categories).find(([, { values }]) => new Set(values).size !== values.length)
  return twice === undefined ? null : `categories.${twice[0]}: one value is named twice`
}

/**
 * Returns a reader for rows under this header.
 * @throws LearningError BAD_DATA naming a column that the header lacks; the reader throws it naming line, column and the fix
 */
export function columnReader(
  columns: Columns,
  header: readonly string[],
  name: string,
): (row: { readonly line: number; readonly fields: readonly string[] }, into: Float32Array) => void {
  const { features, scale, categories = {}, missing = [], decimal } = columns
  const readers = features.map((feature, i) => {
    const at = columnAt(header, feature, name)
    const category = Object.hasOwn(categories, feature) ? categories[feature] : undefined
    const { mean, deviation } = scale?.[i] ?? { mean: 0, deviation: 1 }
    const mayMiss = missing.includes(feature)
    return { at, feature, category, mean, deviation, mayMiss, width: widthOf(categories, feature) }
  })
  return ({ line, fields }, into) => {
    let next = 0
    for (const { at, feature, category, mean, deviation, mayMiss, width } of readers) {
      const field = fields[at] ?? ''
      const bad = (what: string): never => {
        const found = field.trim() === '' ? 'empty' : JSON.stringify(field)
        throw new LearningError('BAD_DATA', `${name}:${line}: column '${feature}' is ${found}, ${what}`)
      }
      if (mayMiss && isGap(field)) into.fill(0, next, next + width)
      else if (category === undefined) {
        const value = numberOf(field, decimal)
        if (!Number.isFinite(value)) bad('not a finite number')
        into[next] = (value - mean) / deviation
        if (!Number.isFinite(into[next])) bad(BEYOND)
      } else {
        const place = category.values.indexOf(field.trim())
        if (place < 0) bad(`not one of ${category.values.join(', ')}`)
        if (category.as === 'ordinal') into[next] = (place - mean) / deviation
        else {
          into.fill(0, next, next + width)
          into[next + place] = 1
        }
      }
      next += width
    }
  }
}
