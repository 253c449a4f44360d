import java.io.FileInputStream;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;

/** Says of each file and profile whether it passes, and which rules it breaks. */
public class VeraPdf {
    public static void main(String[] files) throws Exception {
        VeraGreenfieldFoundryProvider.initialise();
        for (String file : files) {
            for (PDFAFlavour flavour : new PDFAFlavour[] {PDFAFlavour.PDFA_3_A, PDFAFlavour.PDFUA_1}) {
                check(file, flavour);
            }
        }
    }

    private static void check(String file, PDFAFlavour flavour) throws Exception {
        var foundry = Foundries.defaultInstance();
        try (var input = new FileInputStream(file);
                var parser = foundry.createParser(input, flavour);
                var validator = foundry.createValidator(flavour, false)) {
            var result = validator.validate(parser);
            System.out.println(file + " " + flavour + " " + (result.isCompliant() ? "passes" : "fails"));
            for (TestAssertion each : result.getTestAssertions()) {
                if (each.getStatus() == TestAssertion.Status.FAILED) {
                    System.out.println("  " + each.getRuleId() + " " + each.getMessage());
                }
            }
        }
    }
}
