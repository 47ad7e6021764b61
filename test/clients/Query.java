import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** java -cp trino-jdbc.jar Query.java URL USER STATEMENT: rows as lines of tab-separated text. The password: TRINO_PASSWORD. */
class Query {
    public static void main(String[] words) throws SQLException {
        Properties login = new Properties();
        login.setProperty("user", words[1]);
        login.setProperty("password", System.getenv("TRINO_PASSWORD"));
        try (Connection connection = DriverManager.getConnection(words[0], login);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(words[2])) {
            int width = rows.getMetaData().getColumnCount();
            while (rows.next()) {
                List<String> cells = new ArrayList<>();
                for (int column = 1; column <= width; column++) cells.add(rows.getString(column));
                System.out.println(String.join("\t", cells));
            }
        }
    }
}
