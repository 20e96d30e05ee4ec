// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml`: witnesses, proofs, signatures of private content, and the verifier contract.
import type { Command } from 'commander'
import { backend, JSON_FLAG, withInput } from './options.ts'
import { fieldElement, wholeNumber } from './terminal.ts'
import { wantedPart } from './visibility.ts'

export function registerProofCommands(zkml: Command): void {
  withInput(zkml.command('mock <folder>'))
    .description('compute the witness and check every constraint, without a proof')
    .option('--witness <file>', 'also write the witness, which is secret, as .wtns')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./proof-commands.ts')).mockCommand(folder, options))
  zkml
    .command('prove <folder>')
    .description('prove for a witness that mock wrote')
    .requiredOption('--witness <file>', 'the .wtns file')
    .option('--out <file>', 'file for the proof (default: standard output)')
    .addOption(backend())
    .action(async (folder, options) => (await import('./proof-commands.ts')).proveCommand(folder, options))
  withInput(zkml.command('fullprove <folder>'))
    .description('compute the witness of an input, and prove it')
    .option('--out <file>', 'file for the proof', 'proof.json')
    .option(
      '--openings <file>',
      'file for the salts of commitments, which are secret (default: openings.json in the folder of --out)',
    )
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./proof-commands.ts')).fullproveCommand(folder, options))
  zkml
    .command('verify <key> <proofs...>')
    .description(
      'verify proofs against a folder, its circuit and its model, or a verification key; exit code 1 if one is invalid',
    )
    .option('--public <file>', "public signals of snarkjs' proof.json")
    .option('--context <number>', 'what the proofs must be for', fieldElement('--context'))
    .option('--input <file|number>', 'the input that they must be about: a file, or its commitment')
    .addOption(wantedPart())
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .option('--clamp', 'of --input: move values outside the calibrated range to its edge')
    .option(
      '--model <number>',
      'the model commitment that they must be about (default: the folder’s)',
      fieldElement('--model'),
    )
    .option(...JSON_FLAG)
    .action(async (key, proofs, options) => (await import('./verify-command.ts')).verifyCommand(key, proofs, options))
  withInput(zkml.command('bench <folder>'))
    .description('time witness, proof and verification')
    .option('--runs <n>', 'measured runs', wholeNumber('--runs', 1, 1000), 5)
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./proof-commands.ts')).benchCommand(folder, options))
}

export function registerSignCommands(zkml: Command): void {
  zkml
    .command('sign-key')
    .description('draw a key that signs private content, and print what PublisherRegistry.addKey takes')
    .requiredOption('--out <file>', 'file for the key, which is secret; must not exist')
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./sign-commands.ts')).signKeyCommand(options))
  zkml
    .command('sign <folder>')
    .description('sign an input, for a circuit that shows signer and tag but nothing of the input')
    .requiredOption('--input <file>', 'JSON list of numbers, or an IDX file with --index')
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .requiredOption('--tag <number>', 'the purpose of the signature, a number below 2^64', fieldElement('--tag'))
    .requiredOption('--key <file>', 'the key that sign-key drew')
    .requiredOption('--out <file>', 'file for input, salt and signature, which are secret: an input of fullprove')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./sign-commands.ts')).signCommand(folder, options))
}

export function registerVerifierCommands(zkml: Command): void {
  zkml
    .command('export-verifier <folder>')
    .description('write the Solidity verifier of the folder’s key')
    .option('--name <contract>', 'name of the contract', 'Groth16Verifier')
    .option('--out <file>', 'file for the source (default: standard output)')
    .action(async (folder, options) => (await import('./verifier-commands.ts')).exportVerifierCommand(folder, options))
  zkml
    .command('encode-calldata <proofs...>')
    .description('print calldata of verifyProof for one proof, or of verifyBatch for several')
    .option('--public <file>', "public signals of snarkjs' proof.json")
    .option('--batch', 'verifyBatch for a single proof too')
    .option(...JSON_FLAG)
    .action(async (proofs, options) => (await import('./verifier-commands.ts')).encodeCalldataCommand(proofs, options))
}
