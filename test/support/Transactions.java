import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.concurrent.TimeUnit;
import org.apache.pulsar.client.api.MessageId;
import org.apache.pulsar.client.api.Producer;
import org.apache.pulsar.client.api.PulsarClient;
import org.apache.pulsar.client.api.transaction.Transaction;

/**
 * Publishes within transactions, which leave entries in a topic that nobody is given. Reads lines from its input,
 * "topic commit|abort|begin|end n": n transactions of one message each. What was begun is open until "end". Answers
 * each with "done".
 */
public class Transactions {
    public static void main(String[] arguments) throws Exception {
        try (PulsarClient client = PulsarClient.builder().serviceUrl(arguments[0]).enableTransaction(true).build()) {
            Transaction open = null;
            BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                String[] words = line.split(" ");
                if (words[1].equals("end")) {
                    open.commit().get();
                } else {
                    try (Producer<byte[]> producer = client.newProducer().topic(words[0]).enableBatching(false)
                            .sendTimeout(0, TimeUnit.SECONDS).create()) {
                        for (int i = 0; i < Integer.parseInt(words[2]); i++) {
                            Transaction one = client.newTransaction().withTransactionTimeout(5, TimeUnit.MINUTES).build().get();
                            MessageId id = producer.newMessage(one).key("k").value((words[1] + "/" + i).getBytes()).send();
                            if (words[1].equals("commit")) one.commit().get();
                            else if (words[1].equals("abort")) one.abort().get();
                            else open = one;
                        }
                    }
                }
                System.out.println("done");
            }
        }
        System.exit(0);
    }
}
