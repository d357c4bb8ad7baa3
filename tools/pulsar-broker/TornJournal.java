import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * Takes back the record of the bookie's journal that a SIGKILL tore.
 *
 * <p>A kill ends a write to a file at the boundary of a page. The journal's space is filled with zeros beforehand, so
 * the replay takes such a record for whole (version 4.0.7 looks at no digest there), the ledger ends in an entry that
 * no client accepts ("Digest mismatch"), and its topic never opens again. The record was not acknowledged: the writer
 * had not returned. Other bookies make up for it in a cluster; here there is one.
 *
 * <p>Only a record is taken back that is the last one, has the wrong digest, and is zero from the start of a page on.
 *
 * <p>Format: BookKeeper, class Journal, versions 5 and 6: a header of 512 bytes, then records of a length (4 bytes),
 * ledger id, entry id, last confirmed entry, length of the ledger (8 bytes each), CRC-32C (4 bytes), data. Length 0
 * ends it.
 */
final class TornJournal {
  private static final int HEADER = 512;
  private static final int PADDING = -0x100;
  private static final int BEFORE_DIGEST = 32;
  private static final int BEFORE_DATA = 36;
  private static final int PAGE = 4096;

  private TornJournal() {}

  /** For a folder by hand: {@code java TornJournal.java bookkeeper/current}. */
  public static void main(String[] args) throws IOException {
    System.out.println(mend(new File(args[0])) ? "mended" : "whole");
  }

  /** Mends the newest journal of a bookie's folder, if it is torn. Returns whether it was. */
  static boolean mend(File folder) throws IOException {
    File[] journals = folder.listFiles((ignored, name) -> name.matches("[0-9a-f]+\\.txn"));
    if (journals == null || journals.length == 0) return false;
    File newest = Arrays.stream(journals).max((a, b) -> Long.compare(number(a), number(b))).get();
    if (newest.length() > Integer.MAX_VALUE) return false;
    try (RandomAccessFile file = new RandomAccessFile(newest, "rw")) {
      MappedByteBuffer journal = file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, file.length());
      int last = lastRecord(journal);
      if (last < 0 || !isTorn(journal, last)) return false;
      journal.putInt(last, 0);
      journal.force();
      return true;
    }
  }

  private static long number(File journal) {
    return Long.parseLong(journal.getName().replace(".txn", ""), 16);
  }

  /** Where the last record begins; -1 if there is none, or the file is not understood. */
  private static int lastRecord(ByteBuffer journal) {
    if (journal.limit() < HEADER || journal.getInt(0) != 0x424b4c47 || journal.getInt(4) < 5) return -1;
    int last = -1;
    for (int at = HEADER; at + 4 <= journal.limit(); ) {
      int length = journal.getInt(at);
      if (length == 0) return last;
      if (length == PADDING) {
        at += 8 + journal.getInt(at + 4);
      } else if (length < 16 || length > journal.limit() - at - 4) {
        return -1;
      } else {
        last = at;
        at += 4 + length;
      }
    }
    return last;
  }

  private static boolean isTorn(ByteBuffer journal, int record) {
    int start = record + 4;
    int end = start + journal.getInt(record);
    if (end - start < BEFORE_DATA || journal.getLong(start + 8) < 0) return false;
    int zeros = end;
    while (zeros > start && journal.get(zeros - 1) == 0) zeros -= 1;
    // The page that is missing may begin after the last byte that is not zero.
    int page = (zeros + PAGE - 1) / PAGE * PAGE;
    if (page >= end) return false;
    CRC32C digest = new CRC32C();
    digest.update(journal.slice(start, BEFORE_DIGEST));
    digest.update(journal.slice(start + BEFORE_DATA, end - start - BEFORE_DATA));
    return (int) digest.getValue() != journal.getInt(start + BEFORE_DIGEST);
  }
}
