// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Dates of the Gregorian calendar as the number yyyymmdd
/// @dev Dates are ordered like these numbers. A person born on `date - years * 10000` or earlier is at least that many years old on
/// `date`. A person born on 29 February comes of age on 1 March in common years.
library CivilDate {
    /// @notice The date of a day, given as days since 1970-01-01 (UTC).
    /// @dev Counts years from March, so that the leap day is the last day of a year (Hinnant, "chrono-compatible low-level date
    /// algorithms", civil_from_days, for days from 1970 on).
    function fromDay(uint256 day) internal pure returns (uint256) {
        unchecked {
            uint256 shifted = day + 719_468;
            uint256 era = shifted / 146_097;
            uint256 dayOfEra = shifted % 146_097;
            uint256 yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
            uint256 dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
            uint256 fromMarch = (5 * dayOfYear + 2) / 153;
            uint256 dayOfMonth = dayOfYear - (153 * fromMarch + 2) / 5 + 1;
            uint256 month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
            uint256 year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
            return year * 10_000 + month * 100 + dayOfMonth;
        }
    }
}
