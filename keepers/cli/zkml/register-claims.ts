// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml claim`: accuracy and fairness of a committed model on a committed batch.
import type { Command } from 'commander'
import { backend, claimSystem, contextOption, dimensions, JSON_FLAG, simplification, taken } from './options.ts'
import { fieldElement, usage, wholeNumber } from './terminal.ts'

function binsOf(text: string): { from: number; confidence: number }[] {
  return text.split(',').map((part) => {
    const [from, confidence, ...rest] = part.split(':').map((number) => (/^\d+$/.test(number) ? Number(number) : -1))
    if (rest.length > 0 || !(from! >= 0 && confidence! >= 0 && confidence! <= 1000))
      throw usage(`--bins has '${part}', FROM:PERMILLE is needed: a margin from 0, a confidence of 0 to 1000`)
    return { from: from!, confidence: confidence! }
  })
}

export function registerClaimCommands(zkml: Command): void {
  const claim = zkml
    .command('claim')
    .description('prove how good or how fair a committed model is on a committed batch, and nothing else')
  const compiled = (command: Command) =>
    command
      .requiredOption('--plan <file>', 'the plan that calibrate wrote')
      .requiredOption('--count <n>', 'samples in a batch', wholeNumber('--count', 1, 4095))
      .requiredOption('--out <folder>', 'folder for the claim’s circuit; set it up with zkml setup')
      .addOption(dimensions())
      .addOption(taken())
      .option('--model-salt <file>', 'committed: a file with the 0x… salt of the model commitment (default: drawn)')
      .option('--refutes', 'the opposite statement, for challenges: fewer right, a larger gap')
      .addOption(claimSystem())
      .addOption(simplification())
      .option(...JSON_FLAG)
  compiled(claim.command('accuracy <model>'))
    .description('compile: at least k of n samples get their label')
    .action(async (model, options) =>
      (await import('./claim-commands.ts')).claimCompileCommand(model, 'accuracy', options),
    )
  compiled(claim.command('fairness <model>'))
    .description('compile: two groups get a label at rates that differ by at most this many permille')
    .requiredOption('--positive <label>', 'the label that counts as positive', wholeNumber('--positive', 0, 65_535))
    .action(async (model, options) =>
      (await import('./claim-commands.ts')).claimCompileCommand(model, 'fairness', options),
    )
  compiled(claim.command('odds <model>'))
    .description(
      'compile: two groups have rates of true and of false positives that differ by at most this many permille',
    )
    .requiredOption('--positive <label>', 'the label that counts as positive', wholeNumber('--positive', 0, 65_535))
    .action(async (model, options) => (await import('./claim-commands.ts')).claimCompileCommand(model, 'odds', options))
  compiled(claim.command('calibration <model>'))
    .description(
      'compile: stated confidence and share of right answers differ by at most this many permille on average',
    )
    .requiredOption(
      '--bins <from:permille,…>',
      'bins of the answer’s margin, in units of the scores, with the confidence of each: 0:600,128:800,512:950',
      binsOf,
    )
    .action(async (model, options) =>
      (await import('./claim-commands.ts')).claimCompileCommand(model, 'calibration', options),
    )
  const withBatch = (command: Command) =>
    command
      .requiredOption(
        '--batch <file>',
        'JSON {"inputs", "labels", "groups"} (what the claim needs), or IDX images with --labels',
      )
      .option('--clamp', 'move values outside the calibrated range to its edge instead of refusing them')
      .option('--labels <file>', 'IDX labels of IDX images')
  withBatch(claim.command('commit <folder>'))
    .description('print the commitment of a batch, to be published before any claim is made')
    .option('--out <file>', 'file for the batch with the salt of its commitment, which is secret', 'batch.opening.json')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./claim-commands.ts')).claimCommitCommand(folder, options))
  withBatch(claim.command('prove <folder>'))
    .description('prove a claim about a batch')
    .option(
      '--claim <n>',
      'least right answers, or most permille (default: the true value)',
      wholeNumber('--claim', 0, 4095),
    )
    .addOption(contextOption('what the proof is for: the fourth public signal'))
    .option('--out <file>', 'file for the proof', 'claim.json')
    .option('--opening <file>', 'file for the batch with its salt, if the salt is drawn here', 'batch.opening.json')
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./claim-commands.ts')).claimProveCommand(folder, options))
  claim
    .command('verify <folder> <proof>')
    .description('verify a claim and say it in words; exit code 1 when it does not hold')
    .option('--model <number>', 'the model commitment that it must be about', fieldElement('--model'))
    .option('--batch <number>', 'the batch commitment that it must be about', fieldElement('--batch'))
    .addOption(contextOption('what the proof is for'))
    .option(...JSON_FLAG)
    .action(async (folder, proof, options) =>
      (await import('./claim-commands.ts')).claimVerifyCommand(folder, proof, options),
    )
}
