// SPDX-License-Identifier: GPL-3.0-or-later
// The steps to build before the project's code runs. A step runs again when one of its inputs changed.

/**
 * @typedef {object} BuildStep
 * @property {string} name
 * @property {string[]} inputs files and folders, relative to the root
 * @property {string[]} extensions which files below those folders count
 * @property {string[]} outputs what must exist afterwards
 * @property {string[]} command a JavaScript or TypeScript file and its arguments
 */

/** @type {BuildStep[]} */
export const BUILD_STEPS = [
  {
    name: 'contracts',
    // The tests in Solidity are compiled with it: `hardhat build` does both.
    inputs: ['contracts', 'test/contracts', 'hardhat.config.ts', 'package-lock.json'],
    extensions: ['.sol', 'hardhat.config.ts', 'package-lock.json'],
    outputs: ['artifacts/contracts', 'types/index.ts'],
    command: ['node_modules/hardhat/dist/src/cli.js', 'build'],
  },
  ...['fhe', 'learning', 'zkml'].map((room) => ({
    name: `${room}-kernel`,
    inputs: [`keepers/${room}/kernel/assembly`, 'scripts/build-kernel.ts', 'scripts/kernel'],
    extensions: ['.ts'],
    outputs: [`keepers/${room}/kernel/generated/kernel.wasm`],
    command: ['scripts/build-kernel.ts', room],
  })),
]
