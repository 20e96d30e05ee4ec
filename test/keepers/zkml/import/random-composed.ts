// SPDX-License-Identifier: GPL-3.0-or-later
// Steps of random graphs with operators that are made of others: Einsum, updates at places, attention, bodies, rounding.
import type { Body, Constant, Node } from './onnx-file.ts'
import { type Drawing, type Entry, type Step, size } from './random-drawing.ts'

export const COMPOSED: readonly Step[] = [
  einsum,
  einsum,
  scatterElements,
  scatterNd,
  round,
  branch,
  loop,
  scan,
  attention,
  rotary,
]

/** One to three operands whose axes share letters: sums, diagonals, products, in any order of the output. */
function einsum(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && shape.length < 4 && size(shape) < 60)
  if (x === null || d.opset < 12) return
  const sizes = new Map<string, number>()
  const letters = x.shape.map((length, axis) => {
    const alike = [...sizes].filter(([, each]) => each === length)
    const letter = alike.length > 0 && d.chance(0.15) ? d.random.pick(alike)[0] : 'abcdefg'[axis]!
    sizes.set(letter, length)
    return letter
  })
  const terms = [letters.join('')]
  const operands: Entry[] = [x]
  for (let i = d.random.int(0, 2); i > 0; i--) {
    const own = [...sizes.keys()].filter(() => d.chance(0.5))
    if (d.chance(0.4)) {
      const fresh = 'uvw'[operands.length]!
      sizes.set(fresh, d.random.int(1, 3))
      own.push(fresh)
    }
    if (own.length === 0) continue
    own.sort(() => d.random.next() - 0.5)
    terms.push(own.join(''))
    operands.push(
      d.constant(
        own.map((letter) => sizes.get(letter)!),
        -1,
        1,
      ),
    )
  }
  const order = operands.map((_, i) => i).sort(() => d.random.next() - 0.5)
  const used = new Set(terms.join(''))
  const kept = [...used].filter(() => d.chance(0.6)).sort(() => d.random.next() - 0.5)
  const left = order.map((i) => terms[i]!).join(',')
  d.emit(
    'Einsum',
    order.map((i) => operands[i]!),
    { equation: `${left}->${kept.join('')}` },
    kept.map((letter) => sizes.get(letter)!),
  )
}

function reduction(d: Drawing): Record<string, string> {
  return d.opset >= 18 || (d.opset >= 16 && d.chance(0.5))
    ? { reduction: d.random.pick(['none', 'add', 'add', 'max']) }
    : {}
}

function scatterElements(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && size(shape) < 100)
  if (x === null || d.opset < 11) return
  const axis = d.random.int(0, x.shape.length - 1)
  const length = x.shape[axis]!
  const shape = x.shape.map((each, i) => (i === axis ? d.random.int(1, Math.min(3, length)) : d.random.int(1, each)))
  const own = shape[axis]!
  // Along the axis no index comes twice, but for sums.
  const inner = size(shape.slice(axis + 1))
  const shift = d.random.int(0, length - 1)
  const data = Array.from({ length: size(shape) }, (_, i) => ((Math.floor(i / inner) % own) + shift) % length)
  const indices = d.known({ shape, data: data.map((at) => (d.chance(0.2) ? at - length : at)), type: 'int64' })
  d.emit('ScatterElements', [x, indices, d.constant(shape)], { axis, ...reduction(d) }, x.shape)
}

function scatterNd(d: Drawing): void {
  const x = d.value((shape) => shape.length > 0 && size(shape) < 100)
  if (x === null || d.opset < 11) return
  const depth = d.random.int(1, x.shape.length)
  const places = size(x.shape.slice(0, depth))
  const count = d.random.int(1, Math.min(3, places))
  const shift = d.random.int(0, places - 1)
  const data = Array.from({ length: count }, (_, i) => (i + shift) % places).flatMap((place) => {
    let rest = place
    const index: number[] = []
    for (const length of x.shape.slice(0, depth).toReversed()) {
      index.unshift(rest % length)
      rest = Math.floor(rest / length)
    }
    return index
  })
  const shape = [count, ...x.shape.slice(depth)]
  const updates = d.chance(0.3) ? fitted(d, x, shape) : d.constant(shape)
  d.emit('ScatterND', [x, d.known({ shape: [count, depth], data, type: 'int64' }), updates], reduction(d), x.shape)
}

/** The first elements of a value in another shape. */
function fitted(d: Drawing, x: Entry, shape: readonly number[]): Entry {
  const flat = d.emit('Reshape', [x, d.integers([-1])], {}, [size(x.shape)])
  const cut = d.emit('Slice', [flat, d.integers([0]), d.integers([size(shape)])], {}, [size(shape)])
  return d.emit('Reshape', [cut, d.integers(shape)], {}, shape)
}

/** Of numbers that are no whole ones: where the result jumps, runtimes may differ. */
function round(d: Drawing): void {
  const x = d.entries[0]!
  const op = d.random.pick(['Floor', 'Ceil', 'Round'])
  if (op === 'Round' && d.opset < 11) return
  d.emit(op, [d.emit('Add', [x, d.known({ shape: [1], data: [0.123456] })], {}, x.shape)], {}, x.shape)
}

function body(d: Drawing, x: Entry, inputs: Body['inputs'], made: string): Body {
  const op = d.random.pick(['Relu', 'Tanh', 'Neg'])
  const nodes: Node[] = [
    { op, inputs: [x.name], outputs: [`${made}0`] },
    { op: 'Add', inputs: [`${made}0`, `${made}c`], outputs: [made] },
  ]
  const constants: Record<string, Constant> = { [`${made}c`]: { shape: [], data: [d.random.next()] } }
  return { ...(inputs === undefined ? {} : { inputs }), outputs: [made], nodes, constants }
}

function branch(d: Drawing): void {
  const x = d.value()!
  const condition = d.known({ shape: d.random.pick([[], [1]]), data: [d.random.int(0, 1)], type: 'bool' })
  const name = `b${d.nodes.length}`
  const attributes = {
    then_branch: { graph: body(d, x, undefined, `${name}t`) },
    else_branch: { graph: body(d, x, undefined, `${name}e`) },
  }
  const entry = d.emit('If', [condition], attributes, x.shape)
  d.entries.pop()
  d.entries.push({ ...entry, computed: true })
}

function loop(d: Drawing): void {
  const x = d.value((shape) => size(shape) < 60)
  if (x === null || d.opset < 11) return
  const name = `l${d.nodes.length}`
  const inputs = [
    { name: `${name}i`, type: 'int64' as const, shape: [] },
    { name: `${name}g`, type: 'bool' as const, shape: [] },
    { name: `${name}s` },
  ]
  const inner = body(d, x, inputs, `${name}m`)
  const nodes: Node[] = [
    ...inner.nodes,
    { op: 'Identity', inputs: [`${name}g`], outputs: [`${name}h`] },
    { op: 'Sub', inputs: [`${name}s`, `${name}m`], outputs: [`${name}n`] },
    { op: 'Identity', inputs: [`${name}n`], outputs: [`${name}o`] },
  ]
  const steps = d.random.int(1, 4)
  const graph = { ...inner, nodes, outputs: [`${name}h`, `${name}n`, `${name}o`] }
  const trips = d.known({ shape: [], data: [steps], type: 'int64' })
  const first = d.emit('Loop', [trips, null, x], { body: { graph } }, x.shape)
  d.second(first, [steps, ...x.shape], 'float')
}

function scan(d: Drawing): void {
  const x = d.value((shape) => shape.length > 1 && size(shape) < 60)
  if (x === null || d.opset < 11) return
  const axis = d.random.int(0, x.shape.length - 1)
  const part = x.shape.filter((_, i) => i !== axis)
  const name = `s${d.nodes.length}`
  const graph: Body = {
    inputs: [`${name}a`, `${name}b`].map((each) => ({ name: each, shape: part })),
    outputs: [`${name}c`, `${name}d`],
    nodes: [
      { op: 'Add', inputs: [`${name}a`, `${name}b`], outputs: [`${name}c`] },
      { op: 'Relu', inputs: [`${name}c`], outputs: [`${name}d`] },
    ],
  }
  const out = d.random.int(0, part.length)
  const attributes = {
    ...{ body: { graph }, num_scan_inputs: 1, scan_input_axes: [d.chance(0.3) ? axis - x.shape.length : axis] },
    ...{ scan_input_directions: [d.random.int(0, 1)], scan_output_directions: [d.random.int(0, 1)] },
    scan_output_axes: [out],
  }
  const first = d.emit('Scan', [d.constant(part), x], attributes, part)
  d.second(first, [...part.slice(0, out), x.shape[axis]!, ...part.slice(out)], 'float')
}

function attention(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4 && shape[0] === 1 && size(shape) < 200)
  if (x === null || d.opset < 23) return
  const [, heads, length, width] = x.shape as [number, number, number, number]
  const shared = d.random.pick(Array.from({ length: heads }, (_, i) => i + 1).filter((each) => heads % each === 0))
  const own = d.chance(0.4)
  const keys = own ? length : d.random.int(1, 4)
  const key = own ? x : d.constant([1, shared, keys, width], -1, 1)
  const value = own ? x : d.constant([1, shared, keys, d.random.int(1, 4)], -1, 1)
  const mask = d.chance(0.3)
    ? d.constant(
        d.random.pick([
          [length, keys],
          [1, 1, length, keys],
        ]),
        -1,
        1,
      )
    : null
  const attributes = {
    ...(d.chance(0.3) ? { is_causal: 1 } : {}),
    ...(d.chance(0.3) ? { scale: { float: 0.4 } } : {}),
    ...(d.chance(0.2) ? { softcap: { float: 1.5 } } : {}),
  }
  d.emit('Attention', mask === null ? [x, key, value] : [x, key, value, mask], attributes, [
    1,
    heads,
    length,
    value.shape[3]!,
  ])
}

function rotary(d: Drawing): void {
  const x = d.value((shape) => shape.length === 4 && shape[0] === 1 && shape[3]! >= 2 && shape[3]! % 2 === 0)
  if (x === null || d.opset < 23) return
  const cache = [1, x.shape[2]!, x.shape[3]! / 2]
  d.emit('RotaryEmbedding', [x, d.constant(cache), d.constant(cache)], { interleaved: d.random.int(0, 1) }, x.shape)
}
