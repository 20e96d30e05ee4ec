// SPDX-License-Identifier: GPL-3.0-or-later
// Functions of one number that become tables of straight lines, see quantise/curve.ts.
import type { ActivationFunction } from '../../graph/types.ts'
import type { Handler, Invocation } from './invocation.ts'
import { type Result, values } from './operand.ts'
import { single } from './single.ts'

/** Powers up to this are products; beyond, a table is cheaper. */
const MOST_PRODUCTS = 8

export const SMOOTH_HANDLERS: Readonly<Record<string, Handler>> = {
  Exp: (call) => applied(call, { kind: 'exp' }),
  Log: (call) => applied(call, { kind: 'log' }),
  Sqrt: (call) => applied(call, { kind: 'sqrt' }),
  Reciprocal: (call) => applied(call, { kind: 'reciprocal' }),
  Erf: (call) => applied(call, { kind: 'erf' }),
  Sin: (call) => applied(call, { kind: 'sin' }),
  Cos: (call) => applied(call, { kind: 'cos' }),
  Atan: (call) => applied(call, { kind: 'atan' }),
  Sinh: (call) => applied(call, { kind: 'sinh' }),
  Cosh: (call) => applied(call, { kind: 'cosh' }),
  Asinh: (call) => applied(call, { kind: 'asinh' }),
  Tan: (call) => applied(call, { kind: 'tan' }),
  Asin: (call) => applied(call, { kind: 'asin' }),
  Acos: (call) => applied(call, { kind: 'acos' }),
  Acosh: (call) => applied(call, { kind: 'acosh' }),
  Atanh: (call) => applied(call, { kind: 'atanh' }),
  Softplus: (call) => applied(call, { kind: 'softplus' }),
  Softsign: (call) => applied(call, { kind: 'softsign' }),
  Mish: (call) => applied(call, { kind: 'mish' }),
  Gelu: (call) => {
    const form = call.string('approximate', 'none')
    if (form !== 'none' && form !== 'tanh')
      call.fail('malformed-file', `approximate = ${form}; ONNX defines none and tanh`)
    return applied(call, { kind: form === 'tanh' ? 'gelu-tanh' : 'gelu' })
  },
  Elu: (call) => applied(call, { kind: 'elu', alpha: call.float('alpha', 1), gain: 1, width: 1 }),
  Selu: (call) => {
    const [alpha, gain] = [call.float('alpha', 1.6732631921768188), call.float('gamma', 1.0507010221481323)]
    return applied(call, { kind: 'elu', alpha, gain, width: 1 })
  },
  Celu: (call) => {
    const alpha = call.float('alpha', 1)
    if (!(alpha > 0)) call.fail('unsupported-attribute', `alpha = ${alpha}; more than 0 is needed`)
    return applied(call, { kind: 'elu', alpha, gain: 1, width: alpha })
  },
}

function applied(call: Invocation, fn: ActivationFunction): Result[] {
  return values(call.builder.activation(call.name, call.value(0), fn))
}

/** x to a constant power: a product, a root, an inverse or a table. */
export function powerOf(exponent: number): ActivationFunction {
  if (exponent === 0.5) return { kind: 'sqrt' }
  if (exponent === -1) return { kind: 'reciprocal' }
  if (!Number.isInteger(exponent) || exponent < 1 || exponent > MOST_PRODUCTS) return { kind: 'power', exponent }
  return { kind: 'polynomial', coefficients: Array.from({ length: exponent + 1 }, (_, i) => (i === exponent ? 1 : 0)) }
}

/** A constant base to a computed power: exp(x · log base). */
export function exponential(call: Invocation): Result[] {
  if ('value' in call.operand(0))
    call.fail('unsupported-attribute', 'the network computes both base and exponent; one of them must be a constant')
  const base = single(call, 0, 'base')
  if (call.shape(0).length > call.shape(1).length)
    call.fail('unsupported-attribute', `base [${call.shape(0)}] has more axes than the exponent [${call.shape(1)}]`)
  if (!(base > 0)) call.fail('unsupported-attribute', `base ${base}; a computed exponent needs a base above 0`)
  const scaled = call.builder.affineScalar(`${call.name}.log`, call.value(1), Math.log(base), 0)
  return values(call.builder.activation(call.name, scaled, { kind: 'exp' }))
}
