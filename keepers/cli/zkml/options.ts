// SPDX-License-Identifier: GPL-3.0-or-later
// Options that several `cohort zkml` commands share.
import { type Command, Option } from 'commander'
import { dimension, fieldElement, wholeNumber } from './terminal.ts'

export const backend = () =>
  new Option('--backend <name>', 'what computes the proof').choices(['wasm', 'snarkjs', 'rapidsnark']).default('wasm')
/** Commander's help cannot show a bigint, so its default is spelt out. */
export const contextOption = (description: string) =>
  new Option('--context <number>', description).argParser(fieldElement('--context')).default(0n, '0')
export const withInput = (command: Command) =>
  command
    .requiredOption('--input <file>', 'JSON list of numbers, or an IDX file with --index')
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .option('--clamp', 'move values outside the calibrated range to its edge instead of refusing them')
    .addOption(contextOption('what the proof is for: the fourth public signal'))
export const simplification = () =>
  new Option('--simplification <level>', 'how hard circom simplifies').choices(['O1', 'O2']).default('O1')
export const system = () =>
  new Option(
    '--system <name>',
    'groth16, or groth16-lookup: a fourth of the constraints, 45,000 more gas per proof (default: the faster one for the circuit)',
  ).choices(['groth16', 'groth16-lookup'])
export const claimSystem = () =>
  new Option('--system <name>', 'groth16, or groth16-lookup: fewer constraints, more gas')
    .choices(['groth16', 'groth16-lookup'])
    .default('groth16')
/** Lengths of symbolic dimensions of an ONNX file, by their names there. */
export const dimensions = () =>
  new Option('--dim <name=length>', 'length of a symbolic dimension of an .onnx file; may be repeated')
    .argParser(dimension)
    .default({}, 'none')
/** Which output of an ONNX file with several the network computes. */
export const taken = () =>
  new Option('--take <name>', 'which output of an .onnx file with several is computed; more than one by commas')
export const tablesSize = (name: string) => wholeNumber(name, 1, 4096)
export const JSON_FLAG = ['--json', 'print the result as JSON'] as const
