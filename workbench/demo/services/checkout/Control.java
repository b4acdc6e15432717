import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Counts what was received and called; told over a unix socket, as shoplib/control.py describes. */
final class Control {
  private final Map<String, Map<String, Long>> received = new TreeMap<>();
  private final Map<String, Map<String, Long>> called = new TreeMap<>();

  synchronized void received(String route, int status) {
    add(received, route, Integer.toString(status));
  }

  synchronized void called(String call, String outcome) {
    add(called, call, outcome);
  }

  private static void add(Map<String, Map<String, Long>> counts, String key, String outcome) {
    counts.computeIfAbsent(key, unused -> new TreeMap<>()).merge(outcome, 1L, Long::sum);
  }

  void serve(String path) throws IOException {
    Files.deleteIfExists(Path.of(path));
    ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(path));
    Thread thread =
        new Thread(
            () -> {
              while (true) {
                try (SocketChannel connection = server.accept()) {
                  answer(connection);
                } catch (IOException failed) {
                  System.err.println("control: " + failed);
                }
              }
            },
            "control");
    thread.setDaemon(true);
    thread.start();
  }

  private void answer(SocketChannel connection) throws IOException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(Channels.newInputStream(connection), StandardCharsets.UTF_8));
    String line;
    while ((line = lines.readLine()) != null) {
      String answer = line.equals("stats") ? stats() : "error unknown command";
      ByteBuffer bytes = StandardCharsets.UTF_8.encode(answer + "\n");
      while (bytes.hasRemaining()) {
        connection.write(bytes);
      }
    }
  }

  private synchronized String stats() {
    return "{\"received\":" + json(received) + ",\"called\":" + json(called) + "}";
  }

  /** The keys are routes and outcomes of this program's own making, or a request's path: those are escaped. */
  private static String json(Map<String, Map<String, Long>> counts) {
    StringBuilder text = new StringBuilder("{");
    counts.forEach(
        (key, outcomes) -> {
          text.append(text.length() > 1 ? "," : "").append(quoted(key)).append(":{");
          String separator = "";
          for (Map.Entry<String, Long> outcome : outcomes.entrySet()) {
            text.append(separator).append(quoted(outcome.getKey())).append(":").append(outcome.getValue());
            separator = ",";
          }
          text.append("}");
        });
    return text.append("}").toString();
  }

  private static String quoted(String text) {
    return "\"" + text.replaceAll("[^\\w /{}.:-]", "?") + "\"";
  }
}
