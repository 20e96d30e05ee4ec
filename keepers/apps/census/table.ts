// SPDX-License-Identifier: GPL-3.0-or-later
// A table as text, as marks, and as commitments, with the same bits as circuits/lib/table_rows.circom.
import { createHmac, randomBytes } from 'node:crypto'
import { poseidonChain } from '../../zkml/index.ts'
import { CensusError } from './errors.ts'
import { headersOf, MAX_ROWS, marksOf, type Row, type TableShape, widthsOf } from './schema.ts'

/** The table as text, with one line per row: the names of its values, separated by commas. A vacant row is `-`. */
export function tableText({ columns }: TableShape, rows: readonly Row[]): string {
  const lines = rows.map((row) => (row === null ? '-' : row.map((value, c) => columns[c]!.values[value]!).join(',')))
  return `${columns.map(({ name }) => name).join(',')}\n${lines.map((line) => `${line}\n`).join('')}`
}

/** @throws CensusError bad-data that names the line, the column and its values */
export function parseTable({ columns }: TableShape, text: string): Row[] {
  const [first, ...lines] = text.split(/\r?\n/)
  const names = columns.map(({ name }) => name).join(',')
  if (first !== names)
    throw new CensusError('bad-data', `line 1 is '${(first ?? '').slice(0, 100)}', must be '${names}'`)
  if (lines.at(-1) === '') lines.pop()
  if (lines.length === 0 || lines.length > MAX_ROWS)
    throw new CensusError('bad-data', `the table has ${lines.length} rows, a table has 1 to ${MAX_ROWS}`)
  const known = columns.map(({ values }) => new Map(values.map((value, v) => [value, v])))
  return lines.map((line, l) => {
    if (line === '-') return null
    const fields = line.split(',')
    if (fields.length !== columns.length)
      throw new CensusError(
        'bad-data',
        `line ${l + 2} has ${fields.length} fields, the table has ${columns.length} columns`,
      )
    return fields.map((field, c) => {
      const value = known[c]!.get(field)
      if (value === undefined)
        throw new CensusError(
          'bad-data',
          `line ${l + 2}, column ${columns[c]!.name}: '${field.slice(0, 40)}' is not one of ${columns[c]!.values.join(', ')}`,
        )
      return value
    })
  })
}

/** The rows in chunks; the last one is filled up with vacant rows. */
export function chunksOf({ chunkRows }: TableShape, rows: readonly Row[]): Row[][] {
  const chunks: Row[][] = []
  for (let at = 0; at < rows.length; at += chunkRows) {
    const chunk = rows.slice(at, at + chunkRows)
    chunks.push([...chunk, ...new Array<Row>(chunkRows - chunk.length).fill(null)])
  }
  return chunks
}

/** The marks of a chunk, row after row: 1 at the value of each column of a present row. */
export function marksIn(shape: TableShape, chunk: readonly Row[]): bigint[] {
  const widths = widthsOf(shape)
  const marks = marksOf(shape)
  const all = new Array<bigint>(marks * chunk.length).fill(0n)
  for (const [r, row] of chunk.entries()) {
    let first = marks * r
    for (const [c, width] of widths.entries()) {
      if (row !== null) all[first + row[c]!] = 1n
      first += width
    }
  }
  return all
}

/** Field elements of a chunk's rows. */
function packRows(shape: TableShape, chunk: readonly Row[]): bigint[] {
  const valueBits = widthsOf(shape).map((width) => Math.ceil(Math.log2(width)))
  const bits = BigInt(1 + valueBits.reduce((sum, each) => sum + each, 0))
  const perElement = Math.floor(253 / Number(bits))
  const codes = chunk.map((row) => {
    if (row === null) return 0n
    let [code, at] = [1n, 1n]
    for (const [c, value] of row.entries()) {
      code += BigInt(value) << at
      at += BigInt(valueBits[c]!)
    }
    return code
  })
  return Array.from({ length: Math.ceil(chunk.length / perElement) }, (_, e) =>
    codes.slice(e * perElement, (e + 1) * perElement).reduceRight((element, code) => (element << bits) | code, 0n),
  )
}

export function commitChunk(shape: TableShape, chunk: readonly Row[], salt: bigint): bigint {
  return poseidonChain(headersOf(shape).rows, [salt, ...packRows(shape, chunk)])
}

const KEY_BYTES = 32
const SECRET_BYTES = 31

/** The secret of a version of a table, from which salts, blindings and the seed of the noise are derived. */
export class TableSecret {
  readonly #key: Buffer

  constructor(key: Uint8Array) {
    if (key.length !== KEY_BYTES)
      throw new CensusError('bad-data', `a table's secret has ${key.length} bytes, must be 32`)
    this.#key = Buffer.from(key)
  }

  static draw(): TableSecret {
    return new TableSecret(randomBytes(KEY_BYTES))
  }

  static parse(text: string): TableSecret {
    if (!/^0x[0-9a-f]{64}\n?$/.test(text))
      throw new CensusError('bad-data', "a table's secret is 0x and 64 hexadecimal digits")
    return new TableSecret(Buffer.from(text.trim().slice(2), 'hex'))
  }

  toText(): string {
    return `0x${this.#key.toString('hex')}\n`
  }

  /** The seed of the version's noise. Whoever knows it can subtract the noise. */
  get seed(): bigint {
    return this.#derive('seed')
  }

  saltOf(chunk: number): bigint {
    return this.#derive(`salt/${chunk}`)
  }

  /** Blinding of the running count after `chunks` chunks of a request; 0 before the first. */
  blindingOf(request: string, chunks: number): bigint {
    return chunks === 0 ? 0n : this.#derive(`blinding/${request}/${chunks}`)
  }

  /** 248 bits: a field element without bias. */
  #derive(purpose: string): bigint {
    const bytes = createHmac('sha256', this.#key).update(`cohort/table/1/${purpose}`).digest()
    return BigInt(`0x${bytes.subarray(0, SECRET_BYTES).toString('hex')}`)
  }
}

/** Commitments of all chunks, in their order. */
export function commitTable(shape: TableShape, rows: readonly Row[], secret: TableSecret): bigint[] {
  return chunksOf(shape, rows).map((chunk, k) => commitChunk(shape, chunk, secret.saltOf(k)))
}
