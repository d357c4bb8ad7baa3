import java.io.File;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.PulsarStandaloneStarter;
import org.apache.pulsar.metadata.api.MetadataStoreConfig;
import org.apache.pulsar.metadata.api.extended.MetadataStoreExtended;

/**
 * Starts Pulsar standalone after three preparations. Arguments: the metadata folder, the bookie's folder, "old" or
 * "new" (whether they were there already), then the arguments of PulsarStandaloneStarter.
 *
 * <p>A broker that was killed leaves its bookie registered. Met by the next start, the leftover is deleted, the new
 * registration takes that deletion for its own, deletes itself to register again, and so on for ever, with a whole core
 * (BookieServiceInfo has no equals; version 4.0.7). Gone before the start, it does no harm.
 *
 * <p>A kill may also have torn the last record of its journal: see TornJournal.
 *
 * <p>Standard input is a pipe from the parent. At its end the parent is gone, and so is this process at once: what was
 * acknowledged is on disk.
 */
public final class Standalone {
  private static final String BOOKIES = "/ledgers/available";

  public static void main(String[] args) throws Exception {
    endWithParent();
    if (args[2].equals("old")) {
      forgetBookies(args[0]);
      if (TornJournal.mend(new File(args[1], "current"))) System.out.println("a record torn by a kill was taken back");
    }
    PulsarStandaloneStarter.main(Arrays.copyOfRange(args, 3, args.length));
  }

  private static void endWithParent() {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() != -1) continue;
      } catch (java.io.IOException closed) {
        // The same as its end.
      }
      Runtime.getRuntime().halt(1);
    }, "parent-watch");
    watch.setDaemon(true);
    watch.start();
  }

  /** Asking for the children is enough: the store drops those of a former process as it lists them. */
  private static void forgetBookies(String folder) throws Exception {
    try (var store = MetadataStoreExtended.create("rocksdb://" + folder, MetadataStoreConfig.builder().build())) {
      store.getChildren(BOOKIES).get(30, TimeUnit.SECONDS);
    }
  }
}
