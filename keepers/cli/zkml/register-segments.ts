// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml`: one model as several circuits, each proven on its own.
import type { Command } from 'commander'
import { contextOption, dimensions, JSON_FLAG, simplification, system, taken, withInput } from './options.ts'
import { fieldElement, wholeNumber } from './terminal.ts'
import { inputVisibility, outputVisibility } from './visibility.ts'

export function registerSegmentCommands(zkml: Command): void {
  zkml
    .command('split <model>')
    .description('cut a model between layers into circuits that different provers prove at the same time')
    .requiredOption('--plan <file>', 'the plan that calibrate wrote')
    .requiredOption('--segments <n>', 'how many circuits', wholeNumber('--segments', 2, 64))
    .requiredOption('--out <folder>', 'folder for segment-1/ … segment-n/ and segments.json')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .addOption(system())
    .addOption(simplification())
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./segment-commands.ts')).splitCommand(model, options))
  withInput(zkml.command('segment-inputs <folder>'))
    .description('write what each segment must prove for one input: an input file for each, which is secret')
    .requiredOption('--out <folder>', 'folder for segment-1.json … segment-n.json, inputs of fullprove')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./segment-commands.ts')).segmentInputsCommand(folder, options))
  zkml
    .command('verify-chain <folder> <proofs...>')
    .description('verify the proofs of all segments, in order, and that they are one inference; exit code 1 when not')
    .addOption(contextOption('what the proofs are for'))
    .option('--input-commitment <number>', 'the input that it must be', fieldElement('--input-commitment'))
    .option(...JSON_FLAG)
    .action(async (folder, proofs, options) =>
      (await import('./segment-commands.ts')).verifyChainCommand(folder, proofs, options),
    )
}
