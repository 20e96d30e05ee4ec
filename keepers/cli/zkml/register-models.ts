// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml`: from a model to a circuit with its key.
import { type Command, Option } from 'commander'
import { dimensions, JSON_FLAG, simplification, system, tablesSize, taken } from './options.ts'
import { finiteNumber, wholeNumber } from './terminal.ts'
import { inputVisibility, outputVisibility } from './visibility.ts'

export function registerModelCommands(zkml: Command): void {
  zkml
    .command('calibrate <model>')
    .description('choose scales and bit widths from data; writes the plan')
    .requiredOption('--data <file>', 'samples: JSON {"inputs", "labels"} or IDX images')
    .option('--labels <file>', 'IDX labels of IDX images')
    .option('--samples <n>', 'how many samples set the scales', wholeNumber('--samples', 1, 1_000_000), 200)
    .option('--held-out <n>', 'how many further samples judge the plan', wholeNumber('--held-out', 1, 1_000_000), 500)
    .addOption(
      new Option('--mode <mode>', 'weights as constants, or as committed witness')
        .choices(['released', 'committed'])
        .default('released'),
    )
    .option('--input-bits <n>', 'bits of an input value', wholeNumber('--input-bits', 1, 24), 8)
    .option('--weight-bits <n>', 'bits of a weight, sign included', wholeNumber('--weight-bits', 2, 24))
    .option('--activation-bits <n>', 'bits of an activation', wholeNumber('--activation-bits', 1, 24))
    .option('--headroom <factor>', 'committed: how much later weights may grow', finiteNumber('--headroom', 1, 1024))
    .option('--no-search', 'use the given bits (default 8); implied by --weight-bits and --activation-bits')
    .addOption(system())
    .option(
      '--max-loss <points>',
      'search: give up bits while accuracy falls by at most this many percentage points (default: 0.3)',
      finiteNumber('--max-loss', 0, 100),
    )
    .option(
      '--max-error <percent>',
      'search: and while the error of the scores is at most this percentage of their variance (default: 1; if the scores are the statement, 0.1)',
      finiteNumber('--max-error', 0, 100),
    )
    .option('--budget <seconds>', 'search: take the best bits found by then', wholeNumber('--budget', 1, 86_400), 60)
    .option('--target <constraints>', 'search: stop at this many constraints', wholeNumber('--target', 1, 2 ** 27))
    .option('--output <statement>', 'label, margin, value, logits-commitment or score:INDEX:THRESHOLD', 'label')
    .addOption(dimensions())
    .addOption(taken())
    .option('--out <file>', 'file for the plan', 'plan.json')
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./calibrate-command.ts')).calibrateCommand(model, options))
  zkml
    .command('table <model>')
    .description('show every layer with its range, bits and constraints, for a model with --plan or a compiled folder')
    .option('--plan <file>', 'the plan that calibrate wrote')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./model-commands.ts')).tableCommand(model, options))
  zkml
    .command('provable <manifest>')
    .description(
      'whether every version of a service’s model can be proven, and every layer’s range, bits and constraints',
    )
    .option('--output <name>', 'what a proof shows: label or margin, value, or the name of one of several labels')
    .option(...JSON_FLAG)
    .action(async (manifest, options) => (await import('./provable-command.ts')).provableCommand(manifest, options))
  zkml
    .command('compile <model>')
    .description('write and compile the circuit into a folder')
    .requiredOption('--plan <file>', 'the plan that calibrate wrote')
    .requiredOption('--out <folder>', 'the folder that becomes the provable model')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .addOption(system())
    .addOption(simplification())
    .option('--model-salt <file>', 'committed: a file with the 0x… salt of the model commitment (default: drawn)')
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./model-commands.ts')).compileCommand(model, options))
  zkml
    .command('check <folder>')
    .description('check a folder that somebody else compiled: write its circuit anew from its program, and compare')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./model-commands.ts')).checkCommand(folder, options))
  zkml
    .command('setup <folder>')
    .description('make the proving key of a compiled folder')
    .option('--local', 'single-party set-up with a fresh secret: for development, never for value')
    .option('--ceremony <zkey>', 'use the key that `cohort ceremony finalize` wrote')
    .option('--threads <n>', 'worker threads', wholeNumber('--threads', 1, 64))
    .option('--tables [MiB]', 'also do what `zkml tables` does, in a file of at most this size', tablesSize('--tables'))
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      `
Examples:
  cohort zkml setup digits/ --local
  cohort zkml setup digits/ --ceremony final.zkey --tables 16`,
    )
    .action(async (folder, options) => (await import('./proof-commands.ts')).setupCommand(folder, options))
  zkml
    .command('tables <folder>')
    .description(
      'write multiples of the key’s points to a file beside it; with them, the wasm backend needs fewer additions to prove',
    )
    .option(
      '--size <MiB>',
      'most size of the file (default: 8); proving needs 1.25 times that much more memory',
      tablesSize('--size'),
    )
    .option('--threads <n>', 'threads of the prover (default: this machine’s)', wholeNumber('--threads', 1, 64))
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      `
Examples:
  cohort zkml tables digits/
  cohort zkml tables digits/ --size 16 --json
The prover uses the file circuit.zkey.tables if it exists. Delete it to prove without.`,
    )
    .action(async (folder, options) => (await import('./tables-command.ts')).tablesCommand(folder, options))
}
