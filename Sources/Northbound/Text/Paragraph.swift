// SPDX-License-Identifier: Apache-2.0

/// Sentences broken into lines of a terminal.
public enum Paragraph {
    /// Breaks at blanks so that no line is longer than `width`, but for words that are longer by themselves.
    ///
    /// - Parameters:
    ///   - first: stands before the first line.
    ///   - rest: stands before all others.
    public static func lines(
        _ text: String, first: String = "", rest: String = "", width: Int = TextTable.width
    ) -> [String] {
        var lines: [String] = []
        var line = first
        var isBegun = false
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            if isBegun, line.count + 1 + word.count > width {
                lines.append(line)
                line = rest + word
            } else {
                line += (isBegun ? " " : "") + word
            }
            isBegun = true
        }
        return lines + [line]
    }
}
